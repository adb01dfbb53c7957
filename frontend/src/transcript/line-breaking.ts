/** Breaks text into lines of a width in columns; East Asian wide characters take two columns. */

// Common limit of subtitle style guides (BBC, Netflix) for a line.
export const LINE_COLUMNS = 42;

// One character of a script without spaces, or one word; with the punctuation and space that follow.
const PIECE =
  /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}][\p{M}\p{P}]*\s*|[^\s\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]+\s*/gu;
const WIDE = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\u3000-\u303f\uff00-\uff60]/gu;

/** Splits text where a line may break. Words longer than a line are split into characters. */
export function unbreakablePieces(text: string, width = LINE_COLUMNS): string[] {
  return (text.match(PIECE) ?? []).flatMap((piece) =>
    columnWidth(piece.trimEnd()) <= width ? [piece] : Array.from(piece),
  );
}

export function columnWidth(text: string): number {
  return Array.from(text).length + (text.match(WIDE)?.length ?? 0);
}

/**
 * Fills one line after the other. Lines keep their trailing space, so that joined they are the text without its leading
 * space. When text is appended, only the last line changes.
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
