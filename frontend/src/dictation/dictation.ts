/** Decides what to type from server events. Typed text is never retracted: no action can express that. */
import type { Final, ServerMessage } from "../../client/src/protocol/messages";
import { textFor, type Commands } from "./commands";
import type { Dictionary } from "./dictionary";
import { buildLexicon, matchPhrases, type TextPart } from "./phrase-matching";
import { joinText } from "./text-joining";

export interface Dictation {
  /** The end of the typed text, to which the next text is joined. */
  readonly tail: string;
  /** The last utterance that is completely processed. */
  readonly lastUtterance: number;
  /** The beginning of the next utterance's text that is already processed. */
  readonly consumed: string;
  /** Whether the next text must be joined: at the start of an utterance, and after a command. */
  readonly atJoin: boolean;
  /** Utterances whose translation is to be typed, in order; `text` is null until it arrives. */
  readonly pendingTranslations: readonly PendingTranslation[];
}

interface PendingTranslation {
  readonly utterance: number;
  readonly text: string | null;
}

export interface DictationOptions {
  /** Whether to type committed words of partials, and not only finals. */
  readonly whileSpeaking: boolean;
  /** Types the translation into this language instead; "" types the spoken text. */
  readonly translationLanguage: string;
  readonly dictionary: Dictionary;
  /** Empty for none. */
  readonly commands: Commands;
}

export type TypingAction =
  | { readonly kind: "type"; readonly text: string }
  /** The user said "stop typing". */
  | { readonly kind: "stop" }
  /** The user said "scratch that" after everything was typed. */
  | { readonly kind: "too_late" };

export interface DictationStep {
  readonly dictation: Dictation;
  readonly actions: readonly TypingAction[];
}

// Enough for the last word and its punctuation.
const TAIL_CHARACTERS = 64;

export const emptyDictation: Dictation = {
  tail: "",
  lastUtterance: 0,
  consumed: "",
  atJoin: true,
  pendingTranslations: [],
};

/**
 * Starts a take, whose utterances count from 1 again.
 *
 * @param continues Whether the cursor is still where the previous take ended.
 */
export const beginDictation = ({ tail }: Dictation, continues: boolean): Dictation => ({
  ...emptyDictation,
  tail: continues ? tail : "",
});

const unchanged = (dictation: Dictation): DictationStep => ({ dictation, actions: [] });

/** Processes an event. Events of a session arrive in order; repeated ones have no effect. */
export function dictate(before: Dictation, event: ServerMessage, options: DictationOptions): DictationStep {
  switch (event.type) {
    case "partial": {
      // Its words are typed after the final of the previous utterance, so they wait for it.
      const isNext = event.utterance === before.lastUtterance + 1;
      if (!isNext || !options.whileSpeaking || options.translationLanguage !== "") return unchanged(before);
      return applyText(before, event.committed, event.language, false, options);
    }
    case "final":
      return event.utterance > before.lastUtterance ? applyFinal(before, event, options) : unchanged(before);
    case "translation":
      if (!event.is_final || event.language !== options.translationLanguage) return unchanged(before);
      return applyTranslation(before, event.utterance, event.text, options);
    case "error":
    case "notice":
      return event.utterance == null ? unchanged(before) : applyFailure(before, event.utterance, event.type, options);
    default:
      return unchanged(before);
  }
}

function applyFinal(before: Dictation, final: Final, options: DictationOptions): DictationStep {
  const { translationLanguage } = options;
  const hasTranslation = translationLanguage !== "" && final.translate_to.includes(translationLanguage);
  // An utterance that consists of commands is executed as spoken; its translation is not typed.
  const waitsForTranslation = hasTranslation && wordsIn(final, options) !== "";
  const pending = { utterance: final.utterance, text: null };
  const { dictation, actions } = waitsForTranslation
    ? unchanged({ ...before, pendingTranslations: [...before.pendingTranslations, pending] })
    : applyText(before, final.text, final.language, true, options);
  return { dictation: { ...dictation, lastUtterance: final.utterance, consumed: "", atJoin: true }, actions };
}

/** Returns the text without commands. */
const wordsIn = ({ text, language }: Final, options: DictationOptions) =>
  matchPhrases(text, 0, true, buildLexicon(language, options.dictionary, options.commands))
    .parts.flatMap((part) => (part.kind === "words" ? [part.text] : []))
    .join("");

/** Processes the text after the consumed part. While the text may still grow, only what is certain. */
function applyText(
  before: Dictation,
  text: string,
  language: string,
  isComplete: boolean,
  options: DictationOptions,
): DictationStep {
  const from = consumedLength(before.consumed, text);
  const lexicon = buildLexicon(language, options.dictionary, options.commands);
  const { parts, length } = matchPhrases(text, from, isComplete, lexicon);
  const { dictation, actions } = applyParts(before, parts, language);
  return { dictation: { ...dictation, consumed: length > from ? text.slice(0, length) : before.consumed }, actions };
}

function applyParts(before: Dictation, parts: readonly TextPart[], language: string): DictationStep {
  let { tail, atJoin, pendingTranslations } = before;
  let text = "";
  const actions: TypingAction[] = [];
  for (const part of parts) {
    if (part.kind === "words") {
      text += atJoin ? joinText(tail + text, part.text, language) : part.text;
      atJoin = false;
      continue;
    }
    atJoin = true;
    text += textFor(part.action, language) ?? "";
    if (part.action === "stop") {
      actions.push({ kind: "stop" });
      break;
    }
    if (part.action !== "scratch") continue;
    if (text === "" && pendingTranslations.length === 0) actions.push({ kind: "too_late" });
    if (text === "") pendingTranslations = pendingTranslations.slice(0, -1);
    text = "";
  }
  if (text !== "") actions.unshift({ kind: "type", text });
  tail = (tail + text).slice(-TAIL_CHARACTERS);
  return { dictation: { ...before, tail, atJoin, pendingTranslations }, actions };
}

function applyTranslation(
  before: Dictation,
  utterance: number,
  text: string,
  options: DictationOptions,
): DictationStep {
  const pendingTranslations = before.pendingTranslations.map((other) =>
    other.utterance === utterance ? { utterance, text: other.text ?? text } : other,
  );
  return typeReadyTranslations({ ...before, pendingTranslations }, options);
}

/** The utterance gets no final (error), or no translation (error or notice), so nothing waits for it. */
function applyFailure(
  before: Dictation,
  utterance: number,
  type: "error" | "notice",
  options: DictationOptions,
): DictationStep {
  const hasNoFinal = type === "error" && utterance === before.lastUtterance + 1;
  const pendingTranslations = before.pendingTranslations.filter(
    (other) => other.utterance !== utterance || other.text !== null,
  );
  const after = { ...before, pendingTranslations };
  return typeReadyTranslations(
    hasNoFinal ? { ...after, lastUtterance: utterance, consumed: "", atJoin: true } : after,
    options,
  );
}

/** Types translations in the order of their utterances, up to the first that is missing. */
function typeReadyTranslations(before: Dictation, options: DictationOptions): DictationStep {
  const missing = before.pendingTranslations.findIndex(({ text }) => text === null);
  const ready = before.pendingTranslations.slice(0, missing < 0 ? undefined : missing);
  let { tail } = before;
  let text = "";
  for (const next of ready) text += joinText(tail + text, next.text ?? "", options.translationLanguage);
  tail = (tail + text).slice(-TAIL_CHARACTERS);
  const dictation = { ...before, tail, pendingTranslations: before.pendingTranslations.slice(ready.length) };
  return { dictation, actions: text === "" ? [] : [{ kind: "type", text }] };
}

/**
 * Returns how much of `text` is consumed. If the final differs from the partial in case or punctuation, counts letters
 * and digits instead.
 */
function consumedLength(consumed: string, text: string): number {
  if (text.startsWith(consumed)) return consumed.length;
  let left = letters(consumed).length;
  for (const { 0: letter, index } of text.matchAll(LETTER)) {
    if (left === 0) break;
    left -= 1;
    if (left === 0) return index + letter.length;
  }
  return text.length;
}

const LETTER = /[\p{L}\p{N}]/gu;
const letters = (text: string) => text.match(LETTER) ?? [];
