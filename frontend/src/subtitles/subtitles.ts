/**
 * Computes the visible subtitle lines from the captions and the time. Lines fill up, then roll up. A line that has
 * rolled away never returns, so the picture does not jump when earlier text changes.
 */
import type { Captions } from "../transcript/captions";
import { columnWidth } from "../transcript/line-breaking";
import { layOutLines, type LinePosition, type SubtitleLine, type SubtitleOptions } from "./layout";

/** The lines of one text: the spoken text, or a translation. */
export interface Subtitles {
  readonly lines: readonly SubtitleLine[];
  readonly top: LinePosition;
  /** All translations of the visible lines: a text stays until the other one has been read as well. */
  readonly translations: string;
  /** When the current top line became the top line. */
  readonly sinceMs: number;
  /** When any of this last changed. */
  readonly changedMs: number;
}

export const emptySubtitles: Subtitles = {
  lines: [],
  top: { take: 0, number: 0, line: 0 },
  translations: "",
  sinceMs: 0,
  changedMs: 0,
};

// With more unread lines than this, lines roll up before they have been read: speech is faster than reading.
const MAX_LINES_BEHIND = 2;
// Lines stay at least this long after a change.
const MIN_DISPLAY_MS = 2_500;
// How long an unfinished line stays while nothing changes.
const MAX_OPEN_LINE_MS = 15_000;

/**
 * Returns the subtitles at `nowMs`. Call when the captions change, and a few times per second while lines are visible.
 */
export function updateSubtitles(
  before: Subtitles,
  captions: Captions,
  options: SubtitleOptions,
  nowMs: number,
): Subtitles {
  const candidates = layOutLines(captions, options).filter(({ position }) => !isBefore(position, before.top));
  let { sinceMs } = before;
  let first = 0;
  while (
    candidates.length - first > options.lines &&
    (hasBeenRead(candidates[first], options, nowMs - sinceMs) ||
      candidates.length - first > options.lines + MAX_LINES_BEHIND)
  ) {
    first += 1;
    sinceMs = nowMs;
  }
  const visible = candidates.slice(first, first + options.lines);
  const lines = visible.map(({ key, name, committed, tentative, language }) => ({ key, name, committed, tentative, language }));
  if (lines.length > 0 && before.lines.length === 0) sinceMs = nowMs;
  const top = candidates[first]?.position ?? before.top;
  const translations = visible.map((line) => line.translations).join();
  const isUnchanged = areSameLines(lines, before.lines) && translations === before.translations;
  const changedMs = isUnchanged ? before.changedMs : nowMs;
  const after = { lines, top, translations, sinceMs, changedMs };
  const displayMs = visible.some(({ isOpen }) => isOpen)
    ? MAX_OPEN_LINE_MS
    : Math.max(MIN_DISPLAY_MS, readingMs(lines, options.pace));
  const isOver = lines.length > 0 && candidates.length - first <= options.lines && nowMs - changedMs >= displayMs;
  return isOver ? clearLines(after, candidates.at(-1)) : after;
}

/** Returns subtitles that show nothing of the captions so far. */
export function startAfter(captions: Captions): Subtitles {
  const last = captions.utterances.at(-1);
  return last === undefined
    ? emptySubtitles
    : { ...emptySubtitles, top: { take: last.take, number: last.number, line: Infinity } };
}

const isBefore = (a: LinePosition, b: LinePosition) =>
  a.take < b.take || (a.take === b.take && (a.number < b.number || (a.number === b.number && a.line < b.line)));

const hasBeenRead = (line: SubtitleLine | undefined, { pace }: SubtitleOptions, ms: number) =>
  line !== undefined && ms >= readingMs([line], pace);

const readingMs = (lines: readonly SubtitleLine[], pace: number) =>
  (1000 * lines.reduce((sum, { name, committed, tentative }) => sum + columnWidth(name + committed + tentative), 0)) / pace;

/** Removes all lines. The next line to appear is after all of them. */
function clearLines(subtitles: Subtitles, last: { readonly position: LinePosition } | undefined): Subtitles {
  const top = last === undefined ? subtitles.top : { ...last.position, line: last.position.line + 1 };
  return { ...subtitles, lines: [], translations: "", top };
}

const areSameLines = (a: readonly SubtitleLine[], b: readonly SubtitleLine[]) =>
  a.length === b.length &&
  a.every(
    (line, index) =>
      line.key === b[index]?.key &&
      line.name === b[index].name &&
      line.committed === b[index].committed &&
      line.tentative === b[index].tentative,
  );
