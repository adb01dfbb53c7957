import type { State } from "../core/connection";
import type { Problem } from "../core/problems";
import type { Session } from "../session";
import { useStore } from "./useStore";

/** What went wrong and what to do about it, and what the server has to say. */
export function Notices({ session }: { session: Session }) {
  const why = currentProblem(useStore(session.connection));
  const notes = useStore(session.notes);
  return (
    <div className="notices" aria-live="polite">
      {why && (
        <p className="notice is-error" data-testid="problem" data-code={why.code}>
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

/** While it still tries by itself there is nothing for the reader to do. */
function currentProblem(state: State): Problem | null {
  if (state.phase === "failed") return state.why;
  const isTrying = state.phase === "waiting" || state.phase === "connecting";
  return isTrying && state.why ? { ...state.why, advice: "Trying again; what you say is kept." } : null;
}
