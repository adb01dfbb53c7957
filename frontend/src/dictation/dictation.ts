/**
 * What is to be typed, as a fold of what the server says. What has been typed is never taken back: there is nothing here
 * that could ask for it.
 */
import { writes, type Commands } from "./commands";
import type { Dictionary } from "./dictionary";
import { joined } from "./text-joining";
import { found, lexicon, type Part } from "./phrase-matching";
import type { Final, ServerMessage } from "../../client/src/protocol/messages";

export interface Dictation {
  /** The end of what has been typed: what comes next joins it. */
  readonly tail: string;
  /** The last utterance that is done with. */
  readonly done: number;
  /** How the text of the next utterance begins that has been made use of. */
  readonly used: string;
  /** Whether what comes next stands at a join: at the beginning of an utterance, or behind a command. */
  readonly atJoin: boolean;
  /** Utterances whose translation is to be typed, in order; null until it is there. */
  readonly awaited: readonly Awaited[];
}

interface Awaited {
  readonly utterance: number;
  readonly text: string | null;
}

export interface Ways {
  /** Whether words are typed when they are committed, and not only when they are final. */
  readonly whileSpeaking: boolean;
  /** The language whose translation is typed instead; "" for what is spoken. */
  readonly translation: string;
  readonly dictionary: Dictionary;
  /** Empty for none. */
  readonly commands: Commands;
}

export type Deed =
  | { readonly kind: "type"; readonly text: string }
  /** "stop typing" was said. */
  | { readonly kind: "stop" }
  /** "scratch that" was said when all was typed already. */
  | { readonly kind: "too_late" };

export interface Dictated {
  readonly dictation: Dictation;
  readonly deeds: readonly Deed[];
}

const TAIL = 64;

export const nothingDictated: Dictation = { tail: "", done: 0, used: "", atJoin: true, awaited: [] };

/** The dictation when a take begins, which counts its utterances from 1 again. `goesOn`: at the place of the last one. */
export const beginDictation = ({ tail }: Dictation, goesOn: boolean): Dictation => ({
  ...nothingDictated,
  tail: goesOn ? tail : "",
});

/** The dictation after one more event, and what to do. Events of one session come in order; those seen before do nothing. */
export function dictate(before: Dictation, event: ServerMessage, ways: Ways): Dictated {
  switch (event.type) {
    case "partial": {
      // The words of an utterance wait for the final of the one before: they are typed behind it.
      const isNext = event.utterance === before.done + 1;
      if (!isNext || !ways.whileSpeaking || ways.translation !== "") return { dictation: before, deeds: [] };
      return said(before, event.committed, event.language, false, ways);
    }
    case "final":
      return event.utterance > before.done ? finalized(before, event, ways) : { dictation: before, deeds: [] };
    case "translation":
      if (!event.is_final || event.language !== ways.translation) return { dictation: before, deeds: [] };
      return translated(before, event.utterance, event.text, ways);
    case "error":
    case "notice":
      return event.utterance == null
        ? { dictation: before, deeds: [] }
        : failed(before, event.utterance, event.type, ways);
    default:
      return { dictation: before, deeds: [] };
  }
}

function finalized(before: Dictation, final: Final, ways: Ways): Dictated {
  const isTranslated = ways.translation !== "" && final.translate_to.includes(ways.translation);
  const isAsked = isTranslated && wordsIn(final, ways) !== "";
  const { dictation, deeds } = isAsked
    ? { dictation: { ...before, awaited: [...before.awaited, { utterance: final.utterance, text: null }] }, deeds: [] }
    : said(before, final.text, final.language, true, ways);
  return { dictation: { ...dictation, done: final.utterance, used: "", atJoin: true }, deeds };
}

/** What is not a command. */
const wordsIn = ({ text, language }: Final, ways: Ways) =>
  found(text, 0, true, lexicon(language, ways.dictionary, ways.commands))
    .parts.flatMap((part) => (part.kind === "words" ? [part.text] : []))
    .join("");

/** Does what the text asks for behind what was made use of; as long as it is not over, only what is certain. */
function said(before: Dictation, text: string, language: string, isOver: boolean, ways: Ways): Dictated {
  const from = lengthOf(before.used, text);
  const { parts, length } = found(text, from, isOver, lexicon(language, ways.dictionary, ways.commands));
  const { dictation, deeds } = typed(before, parts, language);
  return { dictation: { ...dictation, used: length > from ? text.slice(0, length) : before.used }, deeds };
}

function typed(before: Dictation, parts: readonly Part[], language: string): Dictated {
  let { tail, atJoin, awaited } = before;
  let text = "";
  const deeds: Deed[] = [];
  for (const part of parts) {
    if (part.kind === "words") {
      text += atJoin ? joined(tail + text, part.text, language) : part.text;
      atJoin = false;
      continue;
    }
    atJoin = true;
    text += writes(part.action, language) ?? "";
    if (part.action === "stop") {
      deeds.push({ kind: "stop" });
      break;
    }
    if (part.action !== "scratch") continue;
    if (text === "" && awaited.length === 0) deeds.push({ kind: "too_late" });
    if (text === "") awaited = awaited.slice(0, -1);
    text = "";
  }
  if (text !== "") deeds.unshift({ kind: "type", text });
  tail = (tail + text).slice(-TAIL);
  return { dictation: { ...before, tail, atJoin, awaited }, deeds };
}

function translated(before: Dictation, utterance: number, text: string, ways: Ways): Dictated {
  const awaited = before.awaited.map((other) =>
    other.utterance === utterance ? { utterance, text: other.text ?? text } : other,
  );
  return arrived({ ...before, awaited }, ways);
}

/** An utterance that gets no final is over; one that gets no translation is not waited for. */
function failed(before: Dictation, utterance: number, type: "error" | "notice", ways: Ways): Dictated {
  const isOver = type === "error" && utterance === before.done + 1;
  const awaited = before.awaited.filter((other) => other.utterance !== utterance || other.text !== null);
  const after = isOver ? { ...before, awaited, done: utterance, used: "", atJoin: true } : { ...before, awaited };
  return arrived(after, ways);
}

/** Types the translations that no other is waited for before. */
function arrived(before: Dictation, ways: Ways): Dictated {
  const missing = before.awaited.findIndex(({ text }) => text === null);
  const there = before.awaited.slice(0, missing < 0 ? undefined : missing);
  let { tail } = before;
  let text = "";
  for (const next of there) text += joined(tail + text, next.text ?? "", ways.translation);
  tail = (tail + text).slice(-TAIL);
  const dictation = { ...before, tail, awaited: before.awaited.slice(there.length) };
  return { dictation, deeds: text === "" ? [] : [{ kind: "type", text }] };
}

/** How much of `text` is `used`; where it reads otherwise, as many letters and digits count as the same. */
function lengthOf(used: string, text: string): number {
  if (text.startsWith(used)) return used.length;
  let left = letters(used).length;
  for (const { 0: letter, index } of text.matchAll(LETTER)) {
    if (left === 0) break;
    left -= 1;
    if (left === 0) return index + letter.length;
  }
  return text.length;
}

const LETTER = /[\p{L}\p{N}]/gu;
const letters = (text: string) => text.match(LETTER) ?? [];
