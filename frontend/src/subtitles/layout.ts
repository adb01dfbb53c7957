/** Lays out captions as subtitle lines, with the names of speakers. */
import type { Captions, Utterance } from "../transcript/captions";
import { fillLines, lineColumns } from "../transcript/line-breaking";
import type { Speaker } from "../transcript/speakers/labels";
import { speakersOf } from "../transcript/speakers/parts";

export interface SubtitleLine {
  /** Identifies the line while its text changes. */
  readonly key: string;
  /** Of the speaker who begins in this line, with a colon; "" if the speaker continues or is not known. */
  readonly name: string;
  readonly committed: string;
  /** May still change. */
  readonly tentative: string;
  readonly language: string;
}

export interface SubtitleOptions {
  /** How many lines to show. */
  readonly lines: number;
  /** Reading speed, in columns per second. */
  readonly pace: number;
  /** Whether to show only text that does not change any more. */
  readonly isSteady: boolean;
  /** The translation to show; "" for the spoken text. */
  readonly language: string;
  /** The names of speakers; missing if they are not shown. */
  readonly nameOf?: (speaker: Speaker) => string;
}

/** Position of the first visible line. Lines before it never return. */
export interface LinePosition {
  readonly take: number;
  readonly number: number;
  readonly line: number;
}

export interface PositionedLine extends SubtitleLine {
  readonly position: LinePosition;
  readonly translations: string;
  /** Whether text may still be added. */
  readonly isOpen: boolean;
}

/** The text of one speaker. */
interface Section {
  readonly name: string;
  readonly committed: string;
  readonly tentative: string;
  readonly language: string;
}

// Older utterances have rolled away already.
const MAX_UTTERANCES = 12;
// A longer name would fill the line.
const MAX_NAME = 16;

export function layOutLines(captions: Captions, options: SubtitleOptions): PositionedLine[] {
  let before: Speaker | undefined;
  return captions.utterances.slice(-MAX_UTTERANCES).flatMap((utterance) => {
    const lines = linesOf(utterance, options, before);
    before = speakersOf(utterance).at(-1) ?? before;
    return lines;
  });
}

function linesOf(utterance: Utterance, options: SubtitleOptions, before: Speaker | undefined): PositionedLine[] {
  const isOpen = utterance.state === "speaking" || utterance.translations[options.language]?.isFinal === false;
  const translations = Object.values(utterance.translations)
    .map((translation) => translation.text)
    .join();
  const { take, number } = utterance;
  return sectionsOf(utterance, options, before)
    .flatMap(rowsOf)
    .map((row, line) => ({
      ...row,
      key: `${utterance.id}/${line}`,
      position: { take, number, line },
      translations,
      isOpen,
    }));
}

function sectionsOf(utterance: Utterance, options: SubtitleOptions, before: Speaker | undefined): Section[] {
  const { nameOf, language } = options;
  const text = textOf(utterance, options);
  if (nameOf === undefined) return [{ ...text, name: "" }];
  const prefixOf = (speaker: Speaker | undefined, previous: Speaker | undefined) =>
    speaker === undefined || speaker === previous ? "" : prefixFor(nameOf(speaker));
  const { parts, speaker } = utterance;
  if (parts === undefined || language !== "") return [{ ...text, name: prefixOf(speaker, before) }];
  return parts.map((part, at) => ({
    name: prefixOf(part.speaker, parts[at - 1]?.speaker ?? before),
    committed: part.text,
    tentative: "",
    language: utterance.language,
  }));
}

/** `Name: `, at most one third of a line. */
function prefixFor(name: string): string {
  const letters = Array.from(name);
  return `${letters.length > MAX_NAME ? `${letters.slice(0, MAX_NAME - 1).join("")}…` : name}: `;
}

function rowsOf({ name: prefix, committed, tentative, language }: Section): Omit<SubtitleLine, "key">[] {
  const text = committed + tentative;
  if (text.trim() === "") return [];
  const indent = text.length - text.trimStart().length;
  // Position of the row in the text, which begins after the name.
  let at = indent - prefix.length;
  return fillLines(prefix + text.trimStart(), lineColumns(text)).map((row) => {
    const nameLength = Math.min(row.length, Math.max(0, indent - at));
    const committedEnd = Math.max(nameLength, Math.min(row.length, committed.length - at));
    at += row.length;
    return {
      name: row.slice(0, nameLength),
      committed: row.slice(nameLength, committedEnd),
      tentative: row.slice(committedEnd),
      language,
    };
  });
}

function textOf(
  { committed, tentative, language, translations }: Utterance,
  options: SubtitleOptions,
): Omit<Section, "name"> {
  if (options.language === "") return { committed, tentative: options.isSteady ? "" : tentative, language };
  const translation = translations[options.language];
  const isCommitted = options.isSteady || (translation?.isFinal ?? false);
  const text = translation?.text ?? "";
  return isCommitted
    ? { committed: text, tentative: "", language: options.language }
    : { committed: "", tentative: text, language: options.language };
}
