/**
 * Joins utterances that the server cut in continuous speech of one speaker, because a recognizer's window is limited.
 * An utterance of several speakers is a paragraph of its own.
 */
import { joinText } from "../dictation/text-joining";
import type { Utterance } from "./captions";

export interface Paragraph {
  readonly pieces: readonly [Utterance, ...Utterance[]];
}

// After a cut, the next utterance begins at the sample where the last one ends. After a silence it begins later.
const MAX_GAP_MS = 20;
// Speech without a pause is divided at the end of a sentence once it has this many characters.
const LONG_PARAGRAPH = 900;
const SENTENCE_END = /[.!?…。！？؟।]["'”’»)\]]*\s*$/u;

/** Utterances in the order they were spoken. */
export function paragraphsOf(utterances: readonly Utterance[]): readonly Paragraph[] {
  const paragraphs: [Utterance, ...Utterance[]][] = [];
  for (const utterance of utterances) {
    const open = paragraphs.at(-1);
    if (open !== undefined && continues(open, utterance)) open.push(utterance);
    else paragraphs.push([utterance]);
  }
  return paragraphs.map((pieces) => ({ pieces }));
}

function continues(pieces: readonly Utterance[], next: Utterance): boolean {
  const last = pieces.at(-1);
  if (last?.state !== "final" || last.take !== next.take || next.number !== last.number + 1) return false;
  if (Math.abs(next.startMs - last.endMs) > MAX_GAP_MS) return false;
  if (last.parts !== undefined || next.parts !== undefined) return false;
  if (next.state !== "speaking" && next.speaker !== last.speaker) return false;
  if (next.language !== "" && next.language !== last.language) return false;
  const length = pieces.reduce((sum, { committed }) => sum + committed.length, 0);
  return length < LONG_PARAGRAPH || !SENTENCE_END.test(last.committed);
}

/** Returns the texts so that they can be appended to each other: with spaces, and in lower case within a sentence. */
export function joinedTexts(texts: readonly string[], language: string): string[] {
  let before = "";
  return texts.map((text) => {
    const joined = joinText(before, text, language);
    before += joined;
    return joined;
  });
}

/** A change of any piece makes another paragraph. */
export function isSameParagraph(one: Paragraph, other: Paragraph): boolean {
  return one.pieces.length === other.pieces.length && one.pieces.every((piece, at) => piece === other.pieces[at]);
}
