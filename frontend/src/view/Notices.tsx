import { visibleProblem } from "../../client/src/session/connection-state";
import { describeProblem, describeNotice, useLocale, useTexts } from "../i18n/texts";
import { isAboutLoad } from "../session/notices";
import type { Session } from "../session/session";
import { useStore } from "./useStore";

interface NoticesProps {
  session: Session;
  /** Whether notices about a busy server are shown elsewhere. */
  hidesLoad?: boolean;
}

/** Problems with advice, and notices from the server. */
export function Notices({ session, hidesLoad = false }: NoticesProps) {
  const state = useStore(session.connection);
  const locale = useLocale();
  const texts = useTexts().notices;
  const problem = visibleProblem(state);
  const notes = useStore(session.notices).filter((note) => !hidesLoad || !isAboutLoad(note));
  return (
    <div className="notices" aria-live="polite">
      {problem && (
        <p
          className={state.phase === "failed" ? "notice is-error" : "notice"}
          data-testid="problem"
          data-code={problem.code}
        >
          <span>
            <strong>{describeProblem(problem, locale).message}</strong>{" "}
            {state.phase === "failed" ? describeProblem(problem, locale).advice : texts.retrying}
          </span>
        </p>
      )}
      {notes.map((note) => (
        <p
          key={note.code}
          className={note.isError ? "notice is-error" : "notice"}
          data-testid="notice"
          data-code={note.code}
        >
          <span>{describeNotice(note, locale)}</span>
          <button
            type="button"
            className="quiet"
            aria-label={texts.dismiss}
            onClick={() => session.dismissNotice(note.code)}
          >
            ×
          </button>
        </p>
      ))}
    </div>
  );
}
