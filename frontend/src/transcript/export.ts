/** What has been said, as files: plain text, SubRip (.srt), WebVTT (https://www.w3.org/TR/webvtt1/) and JSON. */
import { finished, type Captions } from "./captions";
import { columns, LINE_COLUMNS, pieces } from "./line-breaking";

export const FORMATS = ["txt", "srt", "vtt", "json"] as const;

export type Format = (typeof FORMATS)[number];

/** Which words: the speaker's, or a translation by its language code. */
export type Track = "spoken" | (string & {});

export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
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

/** The finished utterances in the given format; empty when there are none. JSON holds every track, whichever is asked for. */
export function render(captions: Captions, format: Format, track: Track = "spoken"): string {
  if (format === "json") return json(captions);
  const lines = linesOf(captions, track);
  if (lines.length === 0) return "";
  switch (format) {
    case "txt":
      return lines.map((line) => `${line.text}\n`).join("");
    case "srt":
      return cuesOf(lines)
        .map((cue, index) => `${index + 1}\n${timing(cue, ",")}\n${cue.text}\n`)
        .join("\n");
    case "vtt":
      return `WEBVTT\n\n${cuesOf(lines)
        .map((cue) => `${timing(cue, ".")}\n${escaped(cue.text)}\n`)
        .join("\n")}`;
  }
}

/** Times are milliseconds from the beginning. */
function json(captions: Captions): string {
  const utterances = finished(captions).map(({ startMs, endMs, language, committed, translations }) => ({
    start_ms: startMs,
    end_ms: endMs,
    language,
    text: committed,
    translations: Object.fromEntries(Object.entries(translations).map(([code, { text }]) => [code, text])),
  }));
  return utterances.length === 0 ? "" : `${JSON.stringify({ utterances }, null, 1)}\n`;
}

function linesOf(captions: Captions, track: Track): Cue[] {
  return finished(captions).flatMap(({ startMs, endMs, committed, translations }) => {
    const text = (track === "spoken" ? committed : (translations[track]?.text ?? "")).replace(/\s+/gu, " ").trim();
    return text === "" ? [] : [{ startMs, endMs, text }];
  });
}

/** Long utterances become several cues of two lines, which share its time by their length. */
function cuesOf(lines: readonly Cue[]): Cue[] {
  return lines.flatMap(({ startMs, endMs, text }) => {
    const parts = inPairs(wrap(text));
    const perColumn = (endMs - startMs) / parts.reduce((sum, part) => sum + columns(part), 0);
    let at = startMs;
    return parts.map((part) => {
      const from = at;
      at += columns(part) * perColumn;
      return { startMs: from, endMs: at, text: part };
    });
  });
}

function inPairs(lines: readonly string[]): string[] {
  return lines.flatMap((_, index) => (index % 2 === 0 ? [lines.slice(index, index + 2).join("\n")] : []));
}

/** Lines of about equal length that fit; broken at spaces, or anywhere in scripts that have none. */
function wrap(text: string): string[] {
  const even = columns(text) / Math.ceil(columns(text) / LINE_COLUMNS);
  const lines: string[] = [];
  let line = "";
  for (const piece of pieces(text)) {
    if (line !== "" && (columns(line) >= even || columns((line + piece).trimEnd()) > LINE_COLUMNS)) {
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

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
