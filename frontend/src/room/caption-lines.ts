/** The lines of a room, each in one or two languages. */

/** As the server sends it (docs/howto/publish-a-session.md). */
export interface RoomCaption {
  readonly line: string;
  readonly text: string;
  readonly language: string;
  readonly is_final: boolean;
  readonly speaker?: string;
  /** Labels that turned out to be another speaker, each with the label that stays. */
  readonly merged_speakers?: Readonly<Record<string, string>>;
  readonly cursor?: string;
}

export interface LineText {
  readonly text: string;
  readonly language: string;
  readonly isFinal: boolean;
}

export interface CaptionLine {
  readonly id: string;
  /** Of its first final; "" while its speech is in progress. */
  readonly cursor: string;
  /** "" if it is not known. */
  readonly speaker: string;
  /** One for each language of the reader; null while there is none. */
  readonly texts: readonly (LineText | null)[];
}

// A whole day of captions would fill the memory of a phone.
const MAX_LINES = 300;

/** Returns null if the data has another form, such as that of a later release. */
export function parseCaption(data: string): RoomCaption | null {
  try {
    const value = JSON.parse(data) as Partial<RoomCaption> | null;
    const isCaption = typeof value?.line === "string" && typeof value.text === "string";
    return isCaption ? { language: "", is_final: false, ...value, line: value.line ?? "", text: value.text ?? "" } : null;
  } catch {
    return null;
  }
}

/**
 * Applies a caption of one language.
 *
 * @param column Which of the languages of the reader it is, from 0.
 */
export function applyCaption(
  earlier: readonly CaptionLine[],
  caption: RoomCaption,
  column: number,
  columns: number,
): readonly CaptionLine[] {
  const lines = caption.merged_speakers ? renamed(earlier, caption.line, caption.merged_speakers) : earlier;
  const before = lines.find(({ id }) => id === caption.line);
  const after = withText(before ?? emptyLine(caption.line, columns), caption, column);
  if (after.texts.every((text) => text === null)) return lines.filter((line) => line !== before);
  if (before !== undefined) return lines.map((line) => (line === before ? after : line));
  return [...lines, after].slice(-MAX_LINES);
}

/** The texts to show. A line that is not translated is the same in both languages, and shown once. */
export function distinctTexts({ texts }: CaptionLine): readonly LineText[] {
  const there = texts.filter((text) => text !== null);
  return there.filter(({ text }, index) => there.findIndex((other) => other.text === text) === index);
}

const emptyLine = (id: string, columns: number): CaptionLine => ({
  id,
  cursor: "",
  speaker: "",
  texts: Array<LineText | null>(columns).fill(null),
});

function withText(line: CaptionLine, { text, language, is_final, speaker, cursor }: RoomCaption, column: number): CaptionLine {
  const shown = text === "" ? null : { text, language, isFinal: is_final };
  return {
    ...line,
    cursor: line.cursor || (is_final ? (cursor ?? "") : ""),
    speaker: speaker ?? line.speaker,
    texts: line.texts.map((other, index) => (index === column ? shown : other)),
  };
}

const sessionOf = (line: string) => line.slice(0, line.lastIndexOf("-"));

/** Renames speakers in earlier lines of the same session. */
const renamed = (lines: readonly CaptionLine[], line: string, merged: Readonly<Record<string, string>>) =>
  lines.map((one) => (sessionOf(one.id) === sessionOf(line) ? { ...one, speaker: merged[one.speaker] ?? one.speaker } : one));
