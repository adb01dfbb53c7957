/** Text for screen readers: complete utterances only, because partials would be read again and again. */
import type { ServerMessage } from "../../client/src/protocol/messages";

export interface Announcement {
  readonly id: number;
  readonly text: string;
  /** Language of the text, for its pronunciation. */
  readonly language: string;
  /** Name of the speaker; "" if it is not known. */
  readonly speaker: string;
}

// Added texts are read, and removed ones are not. A few stay, in case that several are added before one was read.
const KEPT = 4;

/** @param speaker Name of the speaker of a final. It is read where the speaker changes. */
export function announce(
  announcements: readonly Announcement[],
  message: ServerMessage,
  speaker = "",
): readonly Announcement[] {
  const isComplete = message.type === "final" || (message.type === "translation" && message.is_final);
  if (!isComplete || message.text === "") return announcements;
  const last = announcements.at(-1);
  const name = message.type === "final" ? speaker : (last?.speaker ?? "");
  const text = name === "" || name === last?.speaker ? message.text : `${name}: ${message.text}`;
  return [...announcements, { id: (last?.id ?? 0) + 1, text, language: message.language, speaker: name }].slice(-KEPT);
}
