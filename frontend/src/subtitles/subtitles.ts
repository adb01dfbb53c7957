/**
 * What stands in the subtitles: a fold of the captions and the time. Lines are filled, then they roll up; a line that
 * has rolled away does not come back, so that nothing jumps, whoever speaks and whatever is heard otherwise.
 */
import type { Captions, Utterance } from "../transcript/captions";
import { columns, filled, LINE_COLUMNS } from "../transcript/line-breaking";

export interface Line {
  /** The same for as long as it is the same line. */
  readonly key: string;
  readonly firm: string;
  /** May still change. */
  readonly faint: string;
  readonly language: string;
}

export interface Look {
  /** Lines of each text. */
  readonly lines: number;
  /** Columns a second that people read. */
  readonly pace: number;
  /** Only words that stay. */
  readonly isSteady: boolean;
  /** Whose translation is shown; "" for what is spoken. */
  readonly language: string;
}

/** One text: what is spoken, or its translation. */
export interface Subtitles {
  readonly lines: readonly Line[];
  readonly top: Top;
  /** The translations of what is shown: a text stays as long as people read what belongs to it. */
  readonly beside: string;
  /** When the top line came to be it, and when all this last changed. */
  readonly sinceMs: number;
  readonly changedMs: number;
}

/** The first line that is shown: places before it never come back. */
interface Top {
  readonly take: number;
  readonly number: number;
  readonly line: number;
}

export const noSubtitles: Subtitles = {
  lines: [],
  top: { take: 0, number: 0, line: 0 },
  beside: "",
  sinceMs: 0,
  changedMs: 0,
};

/** More lines than this are not waited with: who speaks faster than people read is rolled at once. */
const MOST_BEHIND = 2;
/** Nothing is taken away before. */
const LEAST_MS = 2_500;
/** Longer than this nobody waits for the rest of a line. */
const MOST_MS = 15_000;

interface Placed extends Line {
  readonly place: Top;
  readonly beside: string;
  /** Whether words may still be added. */
  readonly isOpen: boolean;
}

/** The subtitles at `nowMs`; to be asked for again when the captions change, and a few times a second while lines stand. */
export function subtitled(before: Subtitles, captions: Captions, look: Look, nowMs: number): Subtitles {
  const behind = placed(captions, look).filter(({ place }) => !isBefore(place, before.top));
  let { sinceMs } = before;
  let first = 0;
  while (
    behind.length - first > look.lines &&
    (isRead(behind[first], look, nowMs - sinceMs) || behind.length - first > look.lines + MOST_BEHIND)
  ) {
    first += 1;
    sinceMs = nowMs;
  }
  const shown = behind.slice(first, first + look.lines);
  const lines = shown.map(({ key, firm, faint, language }) => ({ key, firm, faint, language }));
  if (lines.length > 0 && before.lines.length === 0) sinceMs = nowMs;
  const top = behind[first]?.place ?? before.top;
  const beside = shown.map((line) => line.beside).join();
  const changedMs = areSame(lines, before.lines) && beside === before.beside ? before.changedMs : nowMs;
  const after = { lines, top, beside, sinceMs, changedMs };
  const patienceMs = shown.some(({ isOpen }) => isOpen) ? MOST_MS : Math.max(LEAST_MS, readingMs(lines, look.pace));
  const isOver = lines.length > 0 && behind.length - first <= look.lines && nowMs - changedMs >= patienceMs;
  return isOver ? gone(after, behind.at(-1)) : after;
}

/** As if all that was said so far had been read. */
export function caughtUp(captions: Captions): Subtitles {
  const last = captions.utterances.at(-1);
  return last === undefined
    ? noSubtitles
    : { ...noSubtitles, top: { take: last.take, number: last.number, line: Infinity } };
}

/** The captions' utterances in lines; those long gone are not looked at. */
function placed(captions: Captions, look: Look): Placed[] {
  return captions.utterances.slice(-12).flatMap((utterance) => {
    const { firm, faint, language } = textOf(utterance, look);
    const isOpen = utterance.state === "speaking" || utterance.translations[look.language]?.isFinal === false;
    const beside = Object.values(utterance.translations)
      .map(({ text }) => text)
      .join();
    const rows = filled(firm + faint, LINE_COLUMNS);
    let at = (firm + faint).length - (firm + faint).trimStart().length;
    return rows.map((row, line) => {
      const sure = Math.max(0, Math.min(row.length, firm.length - at));
      at += row.length;
      const place = { take: utterance.take, number: utterance.number, line };
      return {
        key: `${utterance.id}/${line}`,
        firm: row.slice(0, sure),
        faint: row.slice(sure),
        language,
        place,
        beside,
        isOpen,
      };
    });
  });
}

function textOf({ committed, tentative, language, translations }: Utterance, look: Look) {
  if (look.language === "") return { firm: committed, faint: look.isSteady ? "" : tentative, language };
  const translation = translations[look.language];
  const isFirm = look.isSteady || (translation?.isFinal ?? false);
  const text = translation?.text ?? "";
  return isFirm
    ? { firm: text, faint: "", language: look.language }
    : { firm: "", faint: text, language: look.language };
}

const isBefore = (a: Top, b: Top) =>
  a.take < b.take || (a.take === b.take && (a.number < b.number || (a.number === b.number && a.line < b.line)));

const isRead = (line: Line | undefined, { pace }: Look, ms: number) =>
  line !== undefined && ms >= readingMs([line], pace);

const readingMs = (lines: readonly Line[], pace: number) =>
  (1000 * lines.reduce((sum, { firm, faint }) => sum + columns(firm + faint), 0)) / pace;

/** Nothing more to show: the next line to come is one behind all that were. */
function gone(shown: Subtitles, last: Placed | undefined): Subtitles {
  const top = last === undefined ? shown.top : { ...last.place, line: last.place.line + 1 };
  return { ...shown, lines: [], beside: "", top };
}

const areSame = (a: readonly Line[], b: readonly Line[]) =>
  a.length === b.length &&
  a.every((line, index) => line.key === b[index]?.key && line.firm === b[index].firm && line.faint === b[index].faint);
