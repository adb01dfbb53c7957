/** Text for screen readers: complete utterances only, because partials would be read again and again. */
import type { ServerMessage } from "../../client/src/protocol/messages";

export interface Announcement {
  readonly id: number;
  readonly text: string;
  /** Language of the text, for its pronunciation. */
  readonly language: string;
}

// Added texts are read, and removed ones are not. A few stay, in case that several are added before one was read.
const KEPT = 4;

export function announce(announcements: readonly Announcement[], message: ServerMessage): readonly Announcement[] {
  const isComplete = message.type === "final" || (message.type === "translation" && message.is_final);
  if (!isComplete || message.text === "") return announcements;
  const id = (announcements.at(-1)?.id ?? 0) + 1;
  return [...announcements, { id, text: message.text, language: message.language }].slice(-KEPT);
}
