/** Earlier sessions: text and times, no audio. */
import { finishedUtterances, type Captions, type Utterance } from "./captions";
import { isNumbered, noLabels } from "./speakers/labels";
import { allSpeakers } from "./speakers/parts";

export interface SavedSession {
  /** When it started, in ms since 1970. Identifies the session. */
  readonly at: number;
  /** Chosen by the user, or the name of a recording. Missing: the first words. */
  readonly title?: string;
  readonly utterances: readonly Utterance[];
}

/** Newest first. */
export type History = readonly SavedSession[];

export interface HistoryLimits {
  readonly sessions: number;
  /** Of all texts together, plus `UTTERANCE_OVERHEAD` for each utterance. */
  readonly characters: number;
}

// Well below the 5 MB that browsers grant to localStorage.
export const HISTORY_LIMITS: HistoryLimits = { sessions: 500, characters: 1_500_000 };

// Characters of an utterance's JSON in addition to its texts.
const UTTERANCE_OVERHEAD = 200;

/** Inserts a session or replaces its earlier state. The oldest sessions are removed beyond the limits. */
export function saveSession(
  history: History,
  at: number,
  captions: Captions,
  limits: HistoryLimits = HISTORY_LIMITS,
  title = "",
): History {
  const others = history.filter((other) => other.at !== at);
  const utterances = finishedUtterances(captions);
  const all =
    utterances.length === 0
      ? others
      : [...others, { at, utterances, ...(title === "" ? {} : { title }) }].sort((a, b) => b.at - a.at);
  return trimToLimits(all, limits);
}

function trimToLimits(history: History, { sessions, characters }: HistoryLimits): History {
  let left = characters;
  const fit = history.slice(0, sessions).findIndex((session) => (left -= size(session)) < 0);
  return fit < 0 ? history.slice(0, sessions) : history.slice(0, fit);
}

const size = ({ utterances }: SavedSession) =>
  utterances.reduce((sum, utterance) => sum + textOf(utterance).length + UTTERANCE_OVERHEAD, 0);

/**
 * Returns the sessions whose texts, translations included, contain every word of `query`. Ignores case and accents. An
 * empty query returns all sessions.
 */
export function searchHistory(history: History, query: string): History {
  const words = normalizeForSearch(query)
    .split(/\s+/u)
    .filter((word) => word !== "");
  if (words.length === 0) return history;
  return history.filter(({ utterances, title = "" }) => {
    const text = normalizeForSearch([title, ...utterances.map(textOf)].join("\n"));
    return words.every((word) => text.includes(word));
  });
}

/** Renames a session. An empty title stands for its first words. */
export function renameSession(history: History, at: number, title: string): History {
  return history.map((session) => {
    if (session.at !== at) return session;
    const { utterances } = session;
    return title.trim() === "" ? { at, utterances } : { at, utterances, title: title.trim() };
  });
}

/** Converts a session to captions, for display and export. More speech becomes a take of its own. */
export function toCaptions({ utterances }: SavedSession): Captions {
  const take = utterances.reduce((last, utterance) => Math.max(last, utterance.take), 0);
  const offsetMs = utterances.reduce((end, { endMs }) => Math.max(end, endMs), 0);
  const taken = allSpeakers(utterances).filter(isNumbered);
  return { take, offsetMs, utterances, labels: { ...noLabels, taken } };
}

export const titleOf = ({ utterances, title }: SavedSession): string =>
  title ?? utterances[0]?.committed.slice(0, 90) ?? "";

const textOf = ({ committed, translations }: Utterance) =>
  [committed, ...Object.values(translations).map(({ text }) => text)].join("\n");

const normalizeForSearch = (text: string) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
