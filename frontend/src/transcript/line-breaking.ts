/** Breaks text into lines of a width in columns; East Asian wide characters take two columns. */
import { COMPLEX_SCRIPTS, IDEOGRAPHIC_SCRIPTS, UNSPACED_SCRIPTS } from "./writing-systems";

// Common limit of subtitle style guides (BBC, Netflix) for a line.
export const LINE_COLUMNS = 42;
// Their limits for Japanese (13 characters), and for Chinese and Korean (16).
const JAPANESE_COLUMNS = 26;
const WIDE_COLUMNS = 32;

// A Chinese or Japanese character, a run of text in a complex script, or a word; with punctuation and space after it.
const PIECE = new RegExp(
  `[${IDEOGRAPHIC_SCRIPTS}][\\p{M}\\p{P}]*\\s*|[${COMPLEX_SCRIPTS}\\p{M}]+\\p{P}*\\s*|[^\\s${UNSPACED_SCRIPTS}]+\\s*`,
  "gu",
);
const COMPLEX_RUN = new RegExp(`^([${COMPLEX_SCRIPTS}\\p{M}]+)(.*)$`, "su");
const WIDE = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\u3000-\u303f\uff00-\uff60]/gu;
// A character with its marks. In Khmer and Burmese, the letter after a stacker belongs to it, and in Thai and Lao that
// after a vowel which is written first.
const CLUSTER =
  /[\u0e40-\u0e44\u0ec0-\u0ec4]?[^\p{M}\u200d](?:[\p{M}\u200c\u200d\u{1f3fb}-\u{1f3ff}]|(?<=[\u1039\u17d2\u1a60\u200d])[^\p{M}\s])*/gsu;

/** Splits text where a line may break. Words longer than a line are split between characters. */
export function unbreakablePieces(text: string, width = LINE_COLUMNS): string[] {
  return (text.match(PIECE) ?? []).flatMap(wordsOfPiece).flatMap((piece) => dividedPiece(piece, width));
}

/** Splits a run of text in a complex script into words. Other pieces are words already. */
function wordsOfPiece(piece: string): string[] {
  const [, run, rest = ""] = COMPLEX_RUN.exec(piece) ?? [];
  if (run === undefined) return [piece];
  const words = wordsOf(run);
  return [...words.slice(0, -1), (words.at(-1) ?? "") + rest];
}

function wordsOf(run: string): string[] {
  // Electron 9 has no segmenter.
  if (!("Segmenter" in Intl)) return clustersOf(run);
  return Array.from(new Intl.Segmenter(undefined, { granularity: "word" }).segment(run), ({ segment }) => segment);
}

function dividedPiece(piece: string, width: number): string[] {
  return columnWidth(piece.trimEnd()) <= width ? [piece] : clustersOf(piece);
}

const clustersOf = (text: string): string[] => text.match(CLUSTER) ?? [];

/** Returns how long the lines of a text may be, by its script. */
export function lineColumns(text: string): number {
  if (/[\p{sc=Hira}\p{sc=Kana}]/u.test(text)) return JAPANESE_COLUMNS;
  return /[\p{sc=Han}\p{sc=Hang}]/u.test(text) ? WIDE_COLUMNS : LINE_COLUMNS;
}

export function columnWidth(text: string): number {
  return Array.from(text).length + (text.match(WIDE)?.length ?? 0);
}

/**
 * Fills one line after the other. Lines keep their trailing space, so that joined they are the text without its leading
 * space. When text is appended, only the last line changes, and an unfinished word at the end of the one before it.
 */
export function fillLines(text: string, width = LINE_COLUMNS): string[] {
  const lines: string[] = [];
  for (const piece of unbreakablePieces(text, width)) {
    const longer = (lines.at(-1) ?? "") + piece;
    if (lines.length > 0 && columnWidth(longer.trimEnd()) <= width) lines[lines.length - 1] = longer;
    else lines.push(piece);
  }
  return lines;
}
