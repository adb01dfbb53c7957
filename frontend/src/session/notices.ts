/** What the server says that does not end the session: the notes that the reader sees. */
import type { ServerMessage } from "../../client/src/protocol/messages";

export interface Note {
  readonly code: string;
  readonly message: string;
  readonly isError: boolean;
}

export type Notes = readonly Note[];

/** Notices about the same thing: the next one takes the place of the last. */
const ABOUT: Readonly<Record<string, string>> = {
  previews_slowed: "previews",
  previews_stopped: "previews",
  previews_normal: "previews",
  delayed: "delay",
  redis_unavailable: "delay",
  delay_over: "delay",
};

/** All is well again, so there is nothing to read. */
const ENDINGS: ReadonlySet<string> = new Set(["previews_normal", "delay_over"]);

export const NOTES = {
  previews_slowed: "The server is busy: words appear a little later.",
  previews_stopped: "The server is very busy: words appear when a sentence is complete.",
  delayed: "The words will take a little longer; none is lost.",
  redis_unavailable: "The words will take a little longer; none is lost.",
  audio_missing: "The connection was away for too long: some of what you said could not be kept.",
} satisfies Readonly<Record<string, string>>;

const words: ReadonlyMap<string, string> = new Map(Object.entries(NOTES));

/** The notes after one more event. A new connection tells anew what is the matter, if anything is. */
export function noted(notes: Notes, event: ServerMessage): Notes {
  switch (event.type) {
    case "ready":
      return notes.filter(({ code }) => ABOUT[code] === undefined);
    case "notice":
      return withNote(notes, { code: event.code, message: words.get(event.code) ?? event.message, isError: false });
    case "error":
      return event.fatal ? notes : withNote(notes, { code: event.code, message: event.message, isError: true });
    default:
      return notes;
  }
}

/** The notes with one more, in the place of those about the same thing. */
export function withNote(notes: Notes, note: Note): Notes {
  const about = (code: string) => ABOUT[code] ?? code;
  const others = notes.filter(({ code }) => about(code) !== about(note.code));
  return ENDINGS.has(note.code) ? others : [...others, note];
}
