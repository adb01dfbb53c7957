/** What a client remembers of a session in order to resume it over another connection. */
import type { Resume, ServerMessage } from "../protocol/messages.js";

export interface SessionProgress {
  /** "" before the first `ready`. */
  readonly session: string;
  readonly token: string;
  /** Names the session in the server's logs. A session that replaces a lost one keeps it. */
  readonly correlationId: string;
  /** Cursor of the last durable event. */
  readonly cursor: string;
  /** The last utterance with a final, or with an error in its place. */
  readonly utterance: number;
  /** Utterance and committed text of the last partial. */
  readonly openUtterance: number;
  readonly committed: string;
  /** From where the server expects audio. */
  readonly audioFromMs: number;
}

export const noProgress: SessionProgress = {
  session: "",
  token: "",
  correlationId: "",
  cursor: "0-0",
  utterance: 0,
  openUtterance: 0,
  committed: "",
  audioFromMs: 0,
};

export function advance(progress: SessionProgress, event: ServerMessage): SessionProgress {
  switch (event.type) {
    case "ready": {
      // The cursor of `ready` may be ahead of missed events that are still to come, so a resumed session keeps its own.
      const cursor = event.session === progress.session ? progress.cursor : event.cursor;
      return {
        ...progress,
        session: event.session,
        token: event.resume_token,
        correlationId: event.correlation_id,
        cursor,
        audioFromMs: event.audio_from_ms,
      };
    }
    case "partial":
      return { ...progress, openUtterance: event.utterance, committed: event.committed };
    case "final":
    case "error":
      return {
        ...progress,
        ...cursorAfter(progress, event.cursor),
        utterance: Math.max(progress.utterance, event.utterance ?? 0),
      };
    case "translation":
      return { ...progress, ...cursorAfter(progress, event.cursor) };
    default:
      return progress;
  }
}

/** @param audioFromMs Position of the oldest audio that can be sent again. */
export function resumeMessage(progress: SessionProgress, audioFromMs: number): Resume {
  return {
    type: "resume",
    session: progress.session,
    token: progress.token,
    cursor: progress.cursor,
    audio_from_ms: audioFromMs,
    utterance: progress.utterance,
    open_utterance: progress.openUtterance,
    committed: progress.committed,
  };
}

/** Events that are not durable have an empty cursor. */
const cursorAfter = (progress: SessionProgress, cursor: string) => ({
  cursor: cursor === "" ? progress.cursor : cursor,
});
