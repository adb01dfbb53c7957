import type { SpeechIgnored } from "../../client/src/protocol/messages";
import type { ConnectionState } from "../../client/src/session/connection-state";
import { useTexts, type PageTexts, type Texts } from "../i18n/texts";
import type { Session } from "../session/session";
import { useStore } from "./useStore";

interface ConnectionStatusProps {
  session: Session;
  /** Code of the notice about a busy server, or null. */
  busy?: string | null;
  /** Why the server ignores speech at the moment, or null. */
  ignored?: SpeechIgnored["reason"] | null;
}

/** The phase of the connection, and the server's host if it is not the host of the page. */
export function ConnectionStatus({ session, busy = null, ignored = null }: ConnectionStatusProps) {
  const state = useStore(session.connection);
  const isPaused = useStore(session.isPaused);
  const { status: texts, page, speakers } = useTexts();
  const load = state.phase === "listening" ? loadText(page, busy) : "";
  return (
    <p
      className="status"
      role="status"
      data-testid="status"
      data-phase={isPaused && state.phase === "listening" ? "idle" : state.phase}
      data-busy={load === "" ? undefined : busy}
    >
      <span className="status-dot" aria-hidden="true" />
      <span className="status-text">
        {isPaused && state.phase === "listening" ? texts.ready : phaseText(texts, state)}
        {load !== "" && <span data-testid="busy"> · {load}</span>}
        {ignored !== null && <span data-testid="ignored"> · {speakers.ignored[ignored]}</span>}
        {session.remoteHost !== "" && <span className="status-server"> · {texts.server(session.remoteHost)}</span>}
      </span>
    </p>
  );
}

function loadText({ busy: texts }: PageTexts, code: string | null): string {
  return code !== null && Object.hasOwn(texts, code) ? texts[code as keyof typeof texts] : "";
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
