/** How much of a text stands on a line: in columns, of which wide characters take two, and where it may be broken. */

/** Two lines of this are what people read at a glance. */
export const LINE_COLUMNS = 42;

/** A character of a script without spaces and the punctuation behind it, or else a word; and the space behind it. */
const PIECE =
  /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}][\p{M}\p{P}]*\s*|[^\s\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]+\s*/gu;
const WIDE = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\u3000-\u303f\uff00-\uff60]/gu;

/** What a line must not be broken inside; only what is longer than a line is broken all the same. */
export function pieces(text: string, width = LINE_COLUMNS): string[] {
  return (text.match(PIECE) ?? []).flatMap((piece) =>
    columns(piece.trimEnd()) <= width ? [piece] : Array.from(piece),
  );
}

export function columns(text: string): number {
  return Array.from(text).length + (text.match(WIDE)?.length ?? 0);
}

/**
 * Lines that are each as full as can be, with the space they end in; joined they are the text, less what it begins with
 * in spaces. A text that grows at its end changes none but its last line.
 */
export function filled(text: string, width = LINE_COLUMNS): string[] {
  const lines: string[] = [];
  for (const piece of pieces(text, width)) {
    const longer = (lines.at(-1) ?? "") + piece;
    if (lines.length > 0 && columns(longer.trimEnd()) <= width) lines[lines.length - 1] = longer;
    else lines.push(piece);
  }
  return lines;
}
