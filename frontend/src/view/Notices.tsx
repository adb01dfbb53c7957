import { trouble } from "../../client/src/session/connection-state";
import { told, toldNote, useLocale, useWords } from "../i18n/texts";
import type { Session } from "../session/session";
import { useStore } from "./useStore";

/** What went wrong and what to do about it, and what the server has to say. */
export function Notices({ session }: { session: Session }) {
  const state = useStore(session.connection);
  const locale = useLocale();
  const words = useWords().notices;
  const why = trouble(state);
  const notes = useStore(session.notes);
  return (
    <div className="notices" aria-live="polite">
      {why && (
        <p
          className={state.phase === "failed" ? "notice is-error" : "notice"}
          data-testid="problem"
          data-code={why.code}
        >
          <span>
            <strong>{told(why, locale).message}</strong>{" "}
            {state.phase === "failed" ? told(why, locale).advice : words.tryingAgain}
          </span>
        </p>
      )}
      {notes.map((note) => (
        <p
          key={note.code}
          className={note.isError ? "notice is-error" : "notice"}
          data-testid="note"
          data-code={note.code}
        >
          <span>{toldNote(note, locale)}</span>
          <button
            type="button"
            className="quiet"
            aria-label={words.dismiss}
            onClick={() => {
              session.dismiss(note.code);
            }}
          >
            ×
          </button>
        </p>
      ))}
    </div>
  );
}
