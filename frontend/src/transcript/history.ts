/** What was said in earlier sessions: words and times, no sound. */
import { finished, type Captions, type Utterance } from "./captions";

export interface Kept {
  /** When it began, in ms since 1970; its name as well. */
  readonly at: number;
  readonly utterances: readonly Utterance[];
}

/** The newest first. */
export type History = readonly Kept[];

export interface Limits {
  readonly sessions: number;
  /** Of all texts together, and `OVERHEAD` for each utterance. */
  readonly characters: number;
}

export const LIMITS: Limits = { sessions: 500, characters: 1_500_000 };

/** What an utterance takes beside its text, when it is written down. */
const OVERHEAD = 200;

/** The history with a session as it stands now, in the place of what was kept of it; the oldest go when there is too much. */
export function kept(history: History, at: number, captions: Captions, limits: Limits = LIMITS): History {
  const others = history.filter((other) => other.at !== at);
  const utterances = finished(captions);
  const all = utterances.length === 0 ? others : [...others, { at, utterances }].sort((a, b) => b.at - a.at);
  return limited(all, limits);
}

function limited(history: History, { sessions, characters }: Limits): History {
  let left = characters;
  const fit = history.slice(0, sessions).findIndex((session) => (left -= size(session)) < 0);
  return fit < 0 ? history.slice(0, sessions) : history.slice(0, fit);
}

const size = ({ utterances }: Kept) =>
  utterances.reduce((sum, utterance) => sum + textOf(utterance).length + OVERHEAD, 0);

/** The sessions in which every word of `query` was said or read, whatever its case and accents; all for an empty one. */
export function search(history: History, query: string): History {
  const words = plain(query)
    .split(/\s+/u)
    .filter((word) => word !== "");
  if (words.length === 0) return history;
  return history.filter(({ utterances }) => {
    const text = plain(utterances.map(textOf).join("\n"));
    return words.every((word) => text.includes(word));
  });
}

/** As captions again, to be written into files. */
export const asCaptions = ({ utterances }: Kept): Captions => ({ take: 0, offsetMs: 0, utterances });

/** The first words. */
export const titleOf = ({ utterances }: Kept): string => utterances[0]?.committed.slice(0, 90) ?? "";

const textOf = ({ committed, translations }: Utterance) =>
  [committed, ...Object.values(translations).map(({ text }) => text)].join("\n");

const plain = (text: string) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
