import type { State } from "../core/connection";
import type { Problem } from "../core/problems";
import type { Session } from "../session";
import { useStore } from "./useStore";

/** What went wrong and what to do about it, and what the server has to say. */
export function Notices({ session }: { session: Session }) {
  const state = useStore(session.connection);
  const why = currentProblem(state);
  const notes = useStore(session.notes);
  return (
    <div className="notices" aria-live="polite">
      {why && (
        <p className={state.phase === "failed" ? "notice is-error" : "notice"} data-testid="problem" data-code={why.code}>
          <span>
            <strong>{why.message}</strong> {why.advice}
          </span>
        </p>
      )}
      {notes.map(({ code, message, isError }) => (
        <p key={code} className={isError ? "notice is-error" : "notice"} data-testid="note" data-code={code}>
          <span>{message}</span>
          <button
            type="button"
            className="quiet"
            aria-label="Dismiss"
            onClick={() => {
              session.dismiss(code);
            }}
          >
            ×
          </button>
        </p>
      ))}
    </div>
  );
}

/** While it still tries by itself there is nothing to do; and nothing to tell where the first try may mend it. */
function currentProblem(state: State): Problem | null {
  if (state.phase === "failed") return state.why;
  if (state.phase !== "waiting" && state.phase !== "connecting") return null;
  const failures = state.phase === "waiting" ? state.attempt : state.attempt - 1;
  if (state.why === null || (state.resumes && failures === 1)) return null;
  return { ...state.why, advice: "Trying again; the last minute of what you say is kept." };
}
