/**
 * Finds commands and dictionary replacements in a text that may still grow. A match never changes when more text
 * follows, so that the text before it can be typed immediately.
 */
import { DEFAULT_COMMANDS, phrasesFor, type CommandAction, type Commands } from "./commands";
import type { Dictionary } from "./dictionary";
import { UNSPACED_SCRIPTS } from "../transcript/writing-systems";

export type TextPart =
  /** Verbatim, with preceding space and punctuation. */
  { readonly kind: "words"; readonly text: string } | { readonly kind: "command"; readonly action: CommandAction };

export interface PhraseMatches {
  readonly parts: readonly TextPart[];
  /** How much of the text is decided. The rest may still become part of a phrase. */
  readonly length: number;
}

interface Phrase {
  readonly words: readonly string[];
  readonly result: { readonly action: CommandAction } | { readonly written: string };
  /** Whether it counts only between pauses (punctuation). */
  readonly standsAlone: boolean;
}

export type Lexicon = readonly Phrase[];

interface Token {
  readonly word: string;
  readonly at: number;
  readonly end: number;
}

const LETTER = `(?![${UNSPACED_SCRIPTS}])[\\p{L}\\p{M}\\p{N}]`;
const WORD = new RegExp(`[${UNSPACED_SCRIPTS}]|${LETTER}(?:['’]?${LETTER})*`, "gu");
const PAUSE = /[,.;:!?…。，！？；：、]/u;
const TRAILING = /^[\s,.;:!?…。，！？；：、]*/u;
const LEADING = /[\s,.;:!?…。，！？；：、]*$/u;

/** Collects the phrases of a language. Longer ones come first, so that "punto y coma" does not match as "punto". */
export function buildLexicon(language: string, dictionary: Dictionary, commands: Commands = DEFAULT_COMMANDS): Lexicon {
  const commandPhrases = Object.entries(phrasesFor(commands, language)).flatMap(([action, phrases]) =>
    phrases.map((phrase) => commandPhrase(action as CommandAction, tokens(phrase))),
  );
  const replacements = dictionary.replacements.map(({ spoken, written }) => ({
    words: tokens(spoken).map(({ word }) => word),
    result: { written },
    standsAlone: false,
  }));
  return [...replacements, ...commandPhrases]
    .filter(({ words }) => words.length > 0)
    .sort((a, b) => b.words.length - a.words.length);
}

/** Single words ("comma", "period") and irreversible commands count only between pauses: sentences contain them too. */
function commandPhrase(action: CommandAction, spoken: readonly Token[]): Phrase {
  const words = spoken.map(({ word }) => word);
  return { words, result: { action }, standsAlone: words.length === 1 || action === "scratch" || action === "stop" };
}

/**
 * Splits `text` from index `from` into parts.
 *
 * Unless the text `isComplete`, the parts end before words that may become a phrase, and before trailing punctuation,
 * which may belong to a command.
 */
export function matchPhrases(text: string, from: number, isComplete: boolean, phrases: Lexicon): PhraseMatches {
  const all = tokens(text);
  const parts: TextPart[] = [];
  let done = from;
  let words = "";
  let index = all.findIndex(({ at }) => at >= from);
  if (index < 0) index = all.length;
  for (let token = all[index]; token !== undefined; token = all[index]) {
    const match = matchAt(text, all, index, isComplete, phrases);
    if (match === "undecided") break;
    const lead = text.slice(done, token.at);
    const last = all[index + (match?.words.length ?? 1) - 1] ?? token;
    index += match?.words.length ?? 1;
    done = last.end;
    if (match === null) words += lead + text.slice(token.at, last.end);
    else if ("written" in match.result) words += lead + match.result.written;
    else {
      words += isPunctuation(match.result.action) ? lead.replace(LEADING, "") : lead.trimEnd();
      if (words !== "") parts.push({ kind: "words", text: words });
      words = "";
      parts.push({ kind: "command", action: match.result.action });
      done += TRAILING.exec(text.slice(done))?.[0].length ?? 0;
    }
  }
  if (isComplete && index >= all.length) {
    words += text.slice(done);
    done = text.length;
  }
  if (words !== "") parts.push({ kind: "words", text: words });
  return { parts, length: done };
}

/** Returns the phrase that begins at a token, null if there is none, or "undecided" if it depends on later words. */
function matchAt(
  text: string,
  all: readonly Token[],
  index: number,
  isComplete: boolean,
  phrases: Lexicon,
): Phrase | null | "undecided" {
  for (const phrase of phrases) {
    const here = all.slice(index, index + phrase.words.length);
    if (!here.every(({ word }, at) => word === phrase.words[at])) continue;
    if (phrase.standsAlone && !isPauseBefore(text, all, index)) continue;
    const isWhole = here.length === phrase.words.length;
    const next = all[index + phrase.words.length];
    if (!isComplete && (!isWhole || ("action" in phrase.result && next === undefined))) return "undecided";
    if (!isWhole) continue;
    const end = here.at(-1)?.end ?? 0;
    if (!phrase.standsAlone || next === undefined || PAUSE.test(text.slice(end, next.at))) return phrase;
  }
  return null;
}

const isPunctuation = (action: CommandAction) => !["new_line", "new_paragraph", "scratch", "stop"].includes(action);

function isPauseBefore(text: string, all: readonly Token[], index: number): boolean {
  const [before, here] = [all[index - 1], all[index]];
  return before === undefined || PAUSE.test(text.slice(before.end, here?.at));
}

function tokens(text: string): Token[] {
  return [...text.matchAll(WORD)].map(({ 0: word, index }) => ({
    word: word.toLowerCase().replaceAll("’", "'"),
    at: index,
    end: index + word.length,
  }));
}
