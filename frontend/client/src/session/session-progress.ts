/** How far a session has come: all it takes to go on with it over another connection. */
import type { Resume, ServerMessage } from "../protocol/messages";

export interface Place {
  /** "" before the first `ready`. */
  readonly session: string;
  readonly token: string;
  /** What the server's logs call it; a session in its place keeps it. */
  readonly correlationId: string;
  /** That of the last durable event. */
  readonly cursor: string;
  /** The last utterance that has its final, or an error in its place. */
  readonly utterance: number;
  /** That of the last partial, with its words that were promised to stay. */
  readonly openUtterance: number;
  readonly committed: string;
  /** From where the server wants audio. */
  readonly audioFromMs: number;
}

export const nowhere: Place = {
  session: "",
  token: "",
  correlationId: "",
  cursor: "0-0",
  utterance: 0,
  openUtterance: 0,
  committed: "",
  audioFromMs: 0,
};

/** The place after one more event. */
export function advanced(place: Place, event: ServerMessage): Place {
  switch (event.type) {
    case "ready": {
      // The log of a session that goes on is read from the last event that came, which `ready` may be ahead of.
      const cursor = event.session === place.session ? place.cursor : event.cursor;
      return {
        ...place,
        session: event.session,
        token: event.resume_token,
        correlationId: event.correlation_id,
        cursor,
        audioFromMs: event.audio_from_ms,
      };
    }
    case "partial":
      return { ...place, openUtterance: event.utterance, committed: event.committed };
    case "final":
    case "error":
      return { ...place, ...behind(place, event.cursor), utterance: Math.max(place.utterance, event.utterance ?? 0) };
    case "translation":
      return { ...place, ...behind(place, event.cursor) };
    default:
      return place;
  }
}

/** What begins a connection that goes on from here; `audioFromMs` is the oldest audio that can be sent again. */
export function resumption(place: Place, audioFromMs: number): Resume {
  return {
    type: "resume",
    session: place.session,
    token: place.token,
    cursor: place.cursor,
    audio_from_ms: audioFromMs,
    utterance: place.utterance,
    open_utterance: place.openUtterance,
    committed: place.committed,
  };
}

/** Events that are not durable carry no cursor. */
const behind = (place: Place, cursor: string) => ({ cursor: cursor === "" ? place.cursor : cursor });
