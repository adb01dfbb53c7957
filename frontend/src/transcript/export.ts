/** Exports captions as plain text, SubRip (.srt), WebVTT (https://www.w3.org/TR/webvtt1/) or JSON. */
import { finishedUtterances, type Captions } from "./captions";
import { columnWidth, lineColumns, unbreakablePieces } from "./line-breaking";

export const EXPORT_FORMATS = ["txt", "srt", "vtt", "json"] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** "spoken", or the language code of a translation. */
export type Track = "spoken" | (string & {});

export const MEDIA_TYPES: Readonly<Record<ExportFormat, string>> = {
  txt: "text/plain",
  srt: "application/x-subrip",
  vtt: "text/vtt",
  json: "application/json",
};

interface Cue {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
}

/** Returns the finished utterances in a format, or "" if there are none. JSON contains all tracks. */
export function exportTranscript(captions: Captions, format: ExportFormat, track: Track = "spoken"): string {
  if (format === "json") return json(captions);
  const lines = linesOf(captions, track);
  if (lines.length === 0) return "";
  switch (format) {
    case "txt":
      return lines.map((line) => `${line.text}\n`).join("");
    case "srt":
      return cuesOf(lines)
        .map((cue, index) => `${index + 1}\n${timing(cue, ",")}\n${withoutArrows(cue.text)}\n`)
        .join("\n");
    case "vtt":
      return `WEBVTT\n\n${cuesOf(lines)
        .map((cue) => `${timing(cue, ".")}\n${escaped(cue.text)}\n`)
        .join("\n")}`;
  }
}

/** Times are milliseconds from the start of the first take. */
function json(captions: Captions): string {
  const utterances = finishedUtterances(captions).map(({ startMs, endMs, language, committed, translations }) => ({
    start_ms: startMs,
    end_ms: endMs,
    language,
    text: committed,
    translations: Object.fromEntries(Object.entries(translations).map(([code, { text }]) => [code, text])),
  }));
  return utterances.length === 0 ? "" : `${JSON.stringify({ utterances }, null, 1)}\n`;
}

function linesOf(captions: Captions, track: Track): Cue[] {
  return finishedUtterances(captions).flatMap(({ startMs, endMs, committed, translations }) => {
    const text = (track === "spoken" ? committed : (translations[track]?.text ?? "")).replace(/\s+/gu, " ").trim();
    return text === "" ? [] : [{ startMs, endMs, text }];
  });
}

/** Splits long utterances into cues of two lines. Each cue gets a share of the time according to its length. */
function cuesOf(lines: readonly Cue[]): Cue[] {
  return lines.flatMap(({ startMs, endMs, text }) => {
    const parts = inPairs(wrap(text));
    const perColumn = (endMs - startMs) / parts.reduce((sum, part) => sum + columnWidth(part), 0);
    let at = startMs;
    return parts.map((part) => {
      const from = at;
      at += columnWidth(part) * perColumn;
      return { startMs: from, endMs: at, text: part };
    });
  });
}

function inPairs(lines: readonly string[]): string[] {
  return lines.flatMap((_, index) => (index % 2 === 0 ? [lines.slice(index, index + 2).join("\n")] : []));
}

/** Breaks text into lines of about equal length: at spaces, or anywhere in scripts without spaces. */
function wrap(text: string): string[] {
  const longest = lineColumns(text);
  const even = columnWidth(text) / Math.ceil(columnWidth(text) / longest);
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
