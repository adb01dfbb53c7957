import type { ConnectionState } from "../../client/src/session/connection-state";
import { useTexts, type Texts } from "../i18n/texts";
import type { Session } from "../session/session";
import { useStore } from "./useStore";

/** The phase of the connection, and the server's host if it is not the host of the page. */
export function ConnectionStatus({ session }: { session: Session }) {
  const state = useStore(session.connection);
  const isPaused = useStore(session.isPaused);
  const texts = useTexts().status;
  return (
    <p
      className="status"
      role="status"
      data-testid="status"
      data-phase={isPaused && state.phase === "listening" ? "idle" : state.phase}
    >
      <span className="status-dot" aria-hidden="true" />
      {isPaused && state.phase === "listening" ? texts.ready : phaseText(texts, state)}
      {session.remoteHost !== "" && <span className="status-server"> · {texts.server(session.remoteHost)}</span>}
    </p>
  );
}

function phaseText(texts: Texts["status"], state: ConnectionState): string {
  switch (state.phase) {
    case "idle":
      return texts.ready;
    case "opening":
      return texts.opening;
    case "connecting":
      return state.resumes || state.attempt > 1 ? texts.reconnecting : texts.connecting;
    case "waiting":
      return texts.reconnecting;
    case "listening":
      return texts.listening;
    case "finishing":
      return texts.finishing;
    case "failed":
      return texts.stopped;
  }
}
