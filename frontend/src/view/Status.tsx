import type { State } from "../core/connection";
import type { Session } from "../session";
import { useStore } from "./useStore";

/** The connection in a word or two, and where the sound goes when that is not where the page came from. */
export function Status({ session }: { session: Session }) {
  const state = useStore(session.connection);
  const { host, isElsewhere } = session.server;
  return (
    <p className="status" role="status" data-testid="status" data-phase={state.phase}>
      <span className="status-dot" aria-hidden="true" />
      {words(state)}
      {isElsewhere && <span className="status-server"> · server {host}</span>}
    </p>
  );
}

function words(state: State): string {
  switch (state.phase) {
    case "idle":
      return "Ready";
    case "opening":
      return "Opening the microphone…";
    case "connecting":
      return state.resumes || state.attempt > 1 ? "Reconnecting…" : "Connecting…";
    case "waiting":
      return "Reconnecting…";
    case "listening":
      return "Listening";
    case "finishing":
      return "Finishing…";
    case "failed":
      return "Stopped";
  }
}
