/**
 * Finds what means more than its words in a text that may still grow: commands, and words to be replaced. What is found
 * in the beginning of a text is found there in every longer one, so that it may be typed before the rest is spoken.
 */
import { COMMANDS, phrasesOf, type Action, type Commands } from "./commands";
import type { Dictionary } from "./dictionary";
import { UNSPACED } from "./text-joining";

export type Part =
  /** Verbatim, with the space and punctuation before it. */
  { readonly kind: "words"; readonly text: string } | { readonly kind: "command"; readonly action: Action };

export interface Found {
  readonly parts: readonly Part[];
  /** How much of the text that is: the rest may mean something once more is known. */
  readonly length: number;
}

interface Phrase {
  readonly words: readonly string[];
  readonly means: { readonly action: Action } | { readonly written: string };
  /** Whether it counts only between pauses. */
  readonly standsAlone: boolean;
}

export type Lexicon = readonly Phrase[];

interface Token {
  readonly word: string;
  readonly at: number;
  readonly end: number;
}

const LETTER = `(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}]`;
const WORD = new RegExp(`[${UNSPACED}]|${LETTER}(?:['’]?${LETTER})*`, "gu");
const PAUSE = /[,.;:!?…。，！？；：、]/u;
const TRAILING = /^[\s,.;:!?…。，！？；：、]*/u;
const LEADING = /[\s,.;:!?…。，！？；：、]*$/u;

/** What is looked for in a language. Longer phrases come first: "punto y coma" is not "punto". */
export function lexicon(language: string, dictionary: Dictionary, commands: Commands = COMMANDS): Lexicon {
  const asked = Object.entries(phrasesOf(commands, language)).flatMap(([action, phrases]) =>
    phrases.map((phrase) => command(action as Action, tokens(phrase))),
  );
  const own = dictionary.replacements.map(({ heard, written }) => ({
    words: tokens(heard).map(({ word }) => word),
    means: { written },
    standsAlone: false,
  }));
  return [...own, ...asked].filter(({ words }) => words.length > 0).sort((a, b) => b.words.length - a.words.length);
}

/** A single word ("comma", "period") is too ordinary to be a command within a sentence, and so is what cannot be mended. */
function command(action: Action, spoken: readonly Token[]): Phrase {
  const words = spoken.map(({ word }) => word);
  return { words, means: { action }, standsAlone: words.length === 1 || action === "scratch" || action === "stop" };
}

/**
 * The parts of `text` from `from` on. Unless the text `isOver`, they end before what may become a phrase, and behind a
 * word: the punctuation there may belong to a command.
 */
export function found(text: string, from: number, isOver: boolean, phrases: Lexicon): Found {
  const all = tokens(text);
  const parts: Part[] = [];
  let done = from;
  let words = "";
  let index = all.findIndex(({ at }) => at >= from);
  if (index < 0) index = all.length;
  for (let token = all[index]; token !== undefined; token = all[index]) {
    const match = matched(text, all, index, isOver, phrases);
    if (match === "undecided") break;
    const lead = text.slice(done, token.at);
    const last = all[index + (match?.words.length ?? 1) - 1] ?? token;
    index += match?.words.length ?? 1;
    done = last.end;
    if (match === null) words += lead + text.slice(token.at, last.end);
    else if ("written" in match.means) words += lead + match.means.written;
    else {
      words += isPunctuation(match.means.action) ? lead.replace(LEADING, "") : lead.trimEnd();
      if (words !== "") parts.push({ kind: "words", text: words });
      words = "";
      parts.push({ kind: "command", action: match.means.action });
      done += TRAILING.exec(text.slice(done))?.[0].length ?? 0;
    }
  }
  if (isOver && index >= all.length) {
    words += text.slice(done);
    done = text.length;
  }
  if (words !== "") parts.push({ kind: "words", text: words });
  return { parts, length: done };
}

/** The phrase that begins at a token: null where none does, "undecided" where more has to be heard. */
function matched(
  text: string,
  all: readonly Token[],
  index: number,
  isOver: boolean,
  phrases: Lexicon,
): Phrase | null | "undecided" {
  for (const phrase of phrases) {
    const here = all.slice(index, index + phrase.words.length);
    if (!here.every(({ word }, at) => word === phrase.words[at])) continue;
    if (phrase.standsAlone && !isPauseBefore(text, all, index)) continue;
    const isWhole = here.length === phrase.words.length;
    const next = all[index + phrase.words.length];
    if (!isOver && (!isWhole || ("action" in phrase.means && next === undefined))) return "undecided";
    if (!isWhole) continue;
    const end = here.at(-1)?.end ?? 0;
    if (!phrase.standsAlone || next === undefined || PAUSE.test(text.slice(end, next.at))) return phrase;
  }
  return null;
}

const isPunctuation = (action: Action) => !["new_line", "new_paragraph", "scratch", "stop"].includes(action);

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
