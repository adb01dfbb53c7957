import type { State } from "../../client/src/session/connection-state";
import { useWords, type Words } from "../i18n/texts";
import type { Session } from "../session/session";
import { useStore } from "./useStore";

/** The connection in a word or two, and where the sound goes when that is not where the page came from. */
export function Status({ session }: { session: Session }) {
  const state = useStore(session.connection);
  const isPaused = useStore(session.isPaused);
  const words = useWords().status;
  return (
    <p
      className="status"
      role="status"
      data-testid="status"
      data-phase={isPaused && state.phase === "listening" ? "idle" : state.phase}
    >
      <span className="status-dot" aria-hidden="true" />
      {isPaused && state.phase === "listening" ? words.ready : phaseIn(words, state)}
      {session.elsewhere !== "" && <span className="status-server"> · {words.server(session.elsewhere)}</span>}
    </p>
  );
}

function phaseIn(words: Words["status"], state: State): string {
  switch (state.phase) {
    case "idle":
      return words.ready;
    case "opening":
      return words.opening;
    case "connecting":
      return state.resumes || state.attempt > 1 ? words.reconnecting : words.connecting;
    case "waiting":
      return words.reconnecting;
    case "listening":
      return words.listening;
    case "finishing":
      return words.finishing;
    case "failed":
      return words.stopped;
  }
}
