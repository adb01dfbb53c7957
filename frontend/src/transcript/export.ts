/** Exports captions as plain text, SubRip (.srt), WebVTT (https://www.w3.org/TR/webvtt1/) or JSON. */
import { finishedUtterances, type Captions, type Utterance } from "./captions";
import { columnWidth, lineColumns, unbreakablePieces } from "./line-breaking";
import { joinedTexts, paragraphsOf } from "./paragraphs";
import type { Speaker } from "./speakers/labels";
import type { SpeakerPart } from "./speakers/parts";

export const EXPORT_FORMATS = ["txt", "srt", "vtt", "json"] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** "spoken", the language code of a translation, or "both:" and the code for the spoken text with its translation. */
export type Track = "spoken" | (string & {});

const BOTH = "both:";

export const bilingualTrack = (code: string): Track => BOTH + code;

export const MEDIA_TYPES: Readonly<Record<ExportFormat, string>> = {
  txt: "text/plain",
  srt: "application/x-subrip",
  vtt: "text/vtt",
  json: "application/json",
};

/** The name of a speaker in a file. */
export type SpeakerNames = (speaker: Speaker) => string;

interface Cue {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  readonly voice: string;
}

/** A paragraph in one or two languages, or the part of one that one speaker says. */
interface Line {
  readonly texts: readonly string[];
  /** Name of the speaker; "" if it is not known. */
  readonly voice: string;
  /** Where its utterances are: the share of the text before each boundary, and the time of the boundary in ms. */
  readonly times: readonly (readonly [share: number, ms: number])[];
}

/** Returns the finished utterances in a format, or "" if there are none. JSON contains all tracks. */
export function exportTranscript(
  captions: Captions,
  format: ExportFormat,
  track: Track = "spoken",
  names: SpeakerNames = String,
): string {
  if (format === "json") return json(captions, names);
  const lines = linesOf(captions, track, names);
  if (lines.length === 0) return "";
  switch (format) {
    case "txt":
      return plainText(lines);
    case "srt":
      return subRip(cuesOf(lines));
    case "vtt":
      return `WEBVTT\n\n${cuesOf(lines)
        .map((cue) => `${timing(cue, ".")}\n${inVoice(cue)}\n`)
        .join("\n")}`;
  }
}

/** A line for each paragraph. Bilingual paragraphs are separated by an empty line. */
function plainText(lines: readonly Line[]): string {
  const isBilingual = lines.some(({ texts }) => texts.length > 1);
  return lines.map((line) => `${prefix(line.voice)}${line.texts.join("\n")}\n`).join(isBilingual ? "\n" : "");
}

/** SubRip has no place for voices, so where the voice changes, its name is in the text. */
function subRip(cues: readonly Cue[]): string {
  return cues
    .map((cue, index) => {
      const name = cue.voice === cues[index - 1]?.voice ? "" : prefix(cue.voice);
      return `${index + 1}\n${timing(cue, ",")}\n${withoutArrows(name + cue.text)}\n`;
    })
    .join("\n");
}

const prefix = (voice: string) => (voice === "" ? "" : `${voice}: `);

/** A voice span names the speaker (WebVTT, section 4.2.2). */
const inVoice = ({ voice, text }: Cue) => (voice === "" ? escaped(text) : `<v ${escaped(voice)}>${escaped(text)}</v>`);

/** Times are milliseconds from the start of the first take. */
function json(captions: Captions, names: SpeakerNames): string {
  const utterances = finishedUtterances(captions).map(
    ({ startMs, endMs, language, committed, translations, speaker, parts }) => ({
      start_ms: startMs,
      end_ms: endMs,
      language,
      text: committed,
      translations: Object.fromEntries(Object.entries(translations).map(([code, { text }]) => [code, text])),
      ...(speaker !== undefined && { speaker: names(speaker) }),
      ...(parts && {
        speaker_segments: parts.map((part) => ({
          speaker: names(part.speaker),
          start_ms: part.startMs,
          end_ms: part.endMs,
          text: part.text,
        })),
      }),
    }),
  );
  return utterances.length === 0 ? "" : `${JSON.stringify({ utterances }, null, 1)}\n`;
}

function linesOf(captions: Captions, track: Track, names: SpeakerNames): Line[] {
  return paragraphsOf(finishedUtterances(captions)).flatMap(({ pieces }) => {
    const [{ speaker, parts }] = pieces;
    if (parts !== undefined && track === "spoken") return parts.map((part) => partLine(part, names));
    const texts = tracksOf(track).map((one) => textOf(pieces, one, isBilingual(track) ? names : null));
    // Text that was not translated is exported alone.
    const found = texts.filter((text) => text !== "");
    if (found.length === 0) return [];
    // A translation is that of a whole utterance, so it has the speaker of the longest part.
    const voice = speaker === undefined || (parts && isBilingual(track)) ? "" : names(speaker);
    return [{ texts: found, voice, times: timesOf(pieces, tracksOf(track)[0] ?? "spoken") }];
  });
}

const partLine = ({ speaker, text, startMs, endMs }: SpeakerPart, names: SpeakerNames): Line => ({
  texts: [text],
  voice: names(speaker),
  times: [
    [0, startMs],
    [1, endMs],
  ],
});

const isBilingual = (track: Track) => track.startsWith(BOTH);

const tracksOf = (track: Track): Track[] => (isBilingual(track) ? ["spoken", track.slice(BOTH.length)] : [track]);

/** @param names Names the speakers in the spoken text of an utterance that has several. */
function textOf(pieces: readonly Utterance[], track: Track, names: SpeakerNames | null): string {
  const language = track === "spoken" ? (pieces[0]?.language ?? "") : track;
  return joinedTexts(
    pieces.map((piece) => (names && track === "spoken" ? namedText(piece, names) : pieceText(piece, track))),
    language,
  )
    .join("")
    .replace(/\s+/gu, " ")
    .trim();
}

const pieceText = ({ committed, translations }: Utterance, track: Track): string =>
  track === "spoken" ? committed : (translations[track]?.text ?? "");

const namedText = ({ committed, parts }: Utterance, names: SpeakerNames): string =>
  parts?.map(({ speaker, text }) => prefix(names(speaker)) + text).join(" ") ?? committed;

/** Each piece has a share of the text according to its length. */
function timesOf(pieces: readonly Utterance[], track: Track): Line["times"] {
  const withText = pieces.filter((piece) => pieceText(piece, track).trim() !== "");
  const timed = withText.length > 0 ? withText : pieces;
  const widths = timed.map((piece) => Math.max(1, columnWidth(pieceText(piece, track))));
  const total = widths.reduce((sum, width) => sum + width, 0);
  let before = 0;
  return timed.flatMap(({ startMs, endMs }, index) => {
    const from = before / total;
    before += widths[index] ?? 0;
    return [[from, startMs] as const, [before / total, endMs] as const];
  });
}

/** Interpolates between the boundaries. */
function timeAt(times: Line["times"], share: number): number {
  const after = Math.max(
    1,
    times.findIndex(([other], index) => index > 0 && other >= share - 1e-9),
  );
  const [fromShare, fromMs] = times[after - 1] ?? [0, 0];
  const [toShare, toMs] = times[after] ?? [1, fromMs];
  return toShare <= fromShare ? toMs : fromMs + ((toMs - fromMs) * (share - fromShare)) / (toShare - fromShare);
}

/** Splits long paragraphs into cues of two lines in each language. The first language decides their times. */
function cuesOf(lines: readonly Line[]): Cue[] {
  return lines.flatMap(({ texts, times, voice }) => {
    const count = Math.max(...texts.map((text) => inPairs(wrap(text)).length));
    const [parts = [], ...others] = texts.map((text) => divided(text, count, texts.length));
    const total = parts.reduce((sum, part) => sum + columnWidth(part), 0);
    let before = 0;
    return parts.map((part, index) => {
      const startMs = timeAt(times, before / total);
      before += columnWidth(part);
      const text = [part, ...others.map((other) => other[index] ?? "")].filter((some) => some !== "").join("\n");
      return { startMs, endMs: timeAt(times, before / total), text, voice };
    });
  });
}

/** Divides a text into the cues of its line. A bilingual line has the same number of them in both languages. */
function divided(text: string, count: number, languages: number): string[] {
  if (languages === 1) return inPairs(wrap(text));
  const lines = wrap(text, count);
  return Array.from({ length: count }, (_, index) => {
    const [from, to] = [index, index + 1].map((at) => Math.floor((at * lines.length) / count));
    return lines.slice(from, to).join("\n");
  });
}

function inPairs(lines: readonly string[]): string[] {
  return lines.flatMap((_, index) => (index % 2 === 0 ? [lines.slice(index, index + 2).join("\n")] : []));
}

/** Breaks text into lines of about equal length: at spaces, or anywhere in scripts without spaces. */
function wrap(text: string, atLeast = 1): string[] {
  const longest = lineColumns(text);
  const even = columnWidth(text) / Math.max(atLeast, Math.ceil(columnWidth(text) / longest));
  const lines: string[] = [];
  let line = "";
  for (const piece of unbreakablePieces(text, longest)) {
    if (line !== "" && (columnWidth(line) >= even || columnWidth((line + piece).trimEnd()) > longest)) {
      lines.push(line.trimEnd());
      line = "";
    }
    line += piece;
  }
  return [...lines, line.trimEnd()];
}

function timing({ startMs, endMs }: Cue, point: "," | "."): string {
  return `${clock(startMs, point)} --> ${clock(Math.max(endMs, startMs + 1), point)}`;
}

/** hh:mm:ss,mmm */
function clock(time: number, point: string): string {
  const ms = Math.round(time);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const rest = String(ms % 1000).padStart(3, "0");
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}${point}${rest}`;
}

/** Players would read an arrow at the wrong place as the times of another cue. SubRip has no way to escape it. */
const withoutArrows = (text: string) => text.replaceAll("-->", "→");

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
