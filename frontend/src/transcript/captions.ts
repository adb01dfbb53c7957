/** The transcript of a page: an immutable list of utterances, built from server events in order. */
import type { Final, Partial, ServerMessage, Translation } from "../../client/src/protocol/messages";
import { joinText } from "../dictation/text-joining";
import { addLabels, beginSession, endSession, noLabels, type SpeakerLabels } from "./speakers/labels";
import { divided, labelsOf, spokenBy, type Spoken } from "./speakers/parts";
import { mergeSpeakers } from "./speakers/relabeling";

export interface TranslatedText {
  readonly text: string;
  readonly isFinal: boolean;
}

export interface Utterance extends Spoken {
  /** Unique on the page: take and number. */
  readonly id: string;
  readonly take: number;
  readonly number: number;
  /** "speaking" until its final; "interrupted" if none will arrive; "withdrawn" if the final has no text. */
  readonly state: "speaking" | "final" | "interrupted" | "withdrawn";
  /** Whether the speaker has probably finished. */
  readonly endsTurn?: true;
  /** Only grows while the utterance is open; afterwards it is the final text. */
  readonly committed: string;
  /** Follows `committed`; begins with a space where one is needed. Empty after the utterance. */
  readonly tentative: string;
  readonly language: string;
  /** Milliseconds since the first take began. */
  readonly startMs: number;
  readonly endMs: number;
  /** Of the last partial; -1 if the current connection has not sent one. */
  readonly revision: number;
  /** By target language code. */
  readonly translations: Readonly<Record<string, TranslatedText>>;
}

/**
 * A take lasts from Start to the last words. It may need several connections and sessions, but its utterances are
 * numbered and timed as one.
 */
export interface Captions {
  readonly take: number;
  /** Start of the take on the page's timeline; each take continues where the previous one ended. */
  readonly offsetMs: number;
  readonly utterances: readonly Utterance[];
  readonly labels: SpeakerLabels;
}

export const emptyCaptions: Captions = { take: 0, offsetMs: 0, utterances: [], labels: noLabels };

export function beginTake(captions: Captions): Captions {
  const offsetMs = captions.utterances.reduce((end, utterance) => Math.max(end, utterance.endMs), captions.offsetMs);
  return { ...interruptOpen(captions), take: captions.take + 1, offsetMs, labels: endSession(captions.labels) };
}

export function applyEvent(captions: Captions, event: ServerMessage): Captions {
  switch (event.type) {
    case "ready":
      return withLabels(captions, beginSession(captions.labels, event.session));
    case "speakers_merged":
      return mergeSpeakers(captions, event);
    case "speech_started":
      return updateUtterance(captions, event.utterance, (utterance) =>
        applySpeechStarted(utterance, captions.offsetMs + event.start_ms),
      );
    case "partial":
      return updateUtterance(captions, event.utterance, (utterance) =>
        applyPartial(utterance, event, captions.offsetMs),
      );
    case "final":
      return applyFinal(captions, event);
    case "translation":
      return updateUtterance(captions, event.utterance, (utterance) => applyTranslation(utterance, event));
    case "turn_end":
      return updateUtterance(captions, event.utterance, (utterance) => ({ ...utterance, endsTurn: true }));
    case "speech_ended":
      return updateUtterance(captions, event.utterance, (utterance) =>
        isOpen(utterance) ? { ...utterance, endMs: captions.offsetMs + event.end_ms } : utterance,
      );
    case "error":
      return event.utterance == null ? captions : updateUtterance(captions, event.utterance, asInterrupted);
    default:
      return captions;
  }
}

/** Ends open utterances for which no more events will arrive, and keeps their text. */
export function interruptOpen(captions: Captions): Captions {
  if (!captions.utterances.some(isOpen)) return captions;
  return { ...captions, utterances: captions.utterances.map(asInterrupted) };
}

/**
 * Replaces the texts of a finished utterance. An empty text removes it.
 *
 * @param spoken One text, or one for each speaker (`spokenTexts`).
 */
export function editUtterance(
  captions: Captions,
  id: string,
  spoken: readonly string[],
  translations: Readonly<Record<string, string>>,
): Captions {
  const texts = spoken.map((text) => text.trim());
  const utterances = captions.utterances.map((utterance) =>
    utterance.id === id && !isOpen(utterance) ? withTexts(utterance, texts, translations) : utterance,
  );
  return { ...captions, utterances };
}

/** The spoken text, by speaker. */
export const spokenTexts = ({ committed, parts }: Utterance): readonly string[] =>
  parts?.map(({ text }) => text) ?? [committed];

function withTexts(
  utterance: Utterance,
  spoken: readonly string[],
  translations: Readonly<Record<string, string>>,
): Utterance {
  const { speaker, parts = [], ...others } = utterance;
  const isSame = spokenTexts(utterance).every((text, at) => text === spoken[at]);
  const joined = spoken.reduce((before, text) => before + joinText(before, text, utterance.language), "");
  const committed = isSame ? utterance.committed : joined;
  const edited = Object.entries(translations).map(([code, text]) => [code, { text: text.trim(), isFinal: true }]);
  const left = parts.map((part, at) => ({ ...part, text: spoken[at] ?? "" })).filter(({ text }) => text !== "");
  return {
    ...others,
    ...divided(speaker, left),
    state: committed === "" ? "withdrawn" : "final",
    committed,
    translations: { ...utterance.translations, ...(Object.fromEntries(edited) as Utterance["translations"]) },
  };
}

/** Puts utterances that `clearFinished` removed back in their order. */
export function restoreUtterances(captions: Captions, removed: readonly Utterance[]): Captions {
  const present = new Set(captions.utterances.map(({ id }) => id));
  const utterances = [...removed.filter(({ id }) => !present.has(id)), ...captions.utterances];
  utterances.sort((a, b) => a.take - b.take || a.number - b.number);
  return { ...captions, utterances };
}

/** Removes all utterances except open ones. */
export function clearFinished(captions: Captions): Captions {
  return { ...captions, utterances: captions.utterances.filter(isOpen) };
}

/** Returns the utterances that have text, in the order they were spoken. */
export function visibleUtterances(captions: Captions): readonly Utterance[] {
  return captions.utterances.filter((utterance) => utterance.committed !== "" || utterance.tentative !== "");
}

/** Also returns open utterances whose first words are awaited. */
export function shownUtterances(captions: Captions): readonly Utterance[] {
  return captions.utterances.filter(
    (utterance) => isOpen(utterance) || utterance.committed !== "" || utterance.tentative !== "",
  );
}

/** Returns the utterances whose text does not change any more. */
export function finishedUtterances(captions: Captions): readonly Utterance[] {
  return visibleUtterances(captions).filter((utterance) => !isOpen(utterance));
}

const withLabels = (captions: Captions, labels: SpeakerLabels): Captions =>
  labels === captions.labels ? captions : { ...captions, labels };

const isOpen = (utterance: Utterance) => utterance.state === "speaking";

/** A repeated `speech_started` comes from a new connection. The text stays until its partials have caught up. */
function applySpeechStarted(utterance: Utterance, startMs: number): Utterance {
  if (!isOpen(utterance)) return utterance;
  return { ...utterance, startMs, endMs: Math.max(utterance.endMs, startMs), revision: -1 };
}

/** Ignores partials that are late, cover less audio than is shown, or retract committed text. */
function applyPartial(utterance: Utterance, partial: Partial, offsetMs: number): Utterance {
  const endMs = offsetMs + partial.end_ms;
  const isStale = !isOpen(utterance) || partial.revision <= utterance.revision || endMs < utterance.endMs;
  const isKept = utterance.revision < 0 || partial.committed.startsWith(utterance.committed);
  if (isStale || !isKept) return utterance;
  return {
    ...utterance,
    committed: partial.committed,
    tentative: partial.tentative,
    language: partial.language,
    startMs: offsetMs + partial.start_ms,
    endMs,
    revision: partial.revision,
  };
}

/**
 * A server that replaces a lost one may segment the same audio into fewer utterances. Open utterances that the final
 * covers are therefore removed.
 */
function applyFinal(captions: Captions, final: Final): Captions {
  const { take, offsetMs } = captions;
  const labels = addLabels(captions.labels, labelsOf(final));
  const after = updateUtterance(withLabels(captions, labels), final.utterance, (utterance) =>
    withFinal(utterance, final, spokenBy(final, labels, offsetMs), offsetMs),
  );
  const isCovered = (other: Utterance) =>
    isOpen(other) && other.take === take && other.number > final.utterance && other.endMs <= offsetMs + final.end_ms;
  if (!after.utterances.some(isCovered)) return after;
  return { ...after, utterances: after.utterances.filter((other) => !isCovered(other)) };
}

/** The first final counts. A late one, after an error, replaces the interrupted text. */
function withFinal(utterance: Utterance, final: Final, spoken: Spoken, offsetMs: number): Utterance {
  if (utterance.state === "final" || utterance.state === "withdrawn") return utterance;
  return {
    ...utterance,
    state: final.text === "" ? "withdrawn" : "final",
    committed: final.text,
    tentative: "",
    language: final.language,
    startMs: offsetMs + final.start_ms,
    endMs: offsetMs + final.end_ms,
    ...spoken,
  };
}

function asInterrupted(utterance: Utterance): Utterance {
  if (!isOpen(utterance)) return utterance;
  const text = utterance.committed + utterance.tentative;
  return { ...utterance, state: "interrupted", committed: text, tentative: "" };
}

function applyTranslation(utterance: Utterance, { language, text, is_final }: Translation): Utterance {
  if (utterance.translations[language]?.isFinal && !is_final) return utterance;
  return { ...utterance, translations: { ...utterance.translations, [language]: { text, isFinal: is_final } } };
}

/** Changes one utterance, or inserts it in order. Searches from the end, because it is nearly always the last. */
function updateUtterance(captions: Captions, number: number, change: (utterance: Utterance) => Utterance): Captions {
  const { take, offsetMs, utterances } = captions;
  const last = utterances.findLastIndex((other) => other.take !== take || other.number <= number);
  const found = utterances[last];
  if (found?.take === take && found.number === number) {
    const changed = change(found);
    return changed === found ? captions : { ...captions, utterances: utterances.with(last, changed) };
  }
  const added = change(newUtterance(take, number, offsetMs));
  return { ...captions, utterances: utterances.toSpliced(last + 1, 0, added) };
}

function newUtterance(take: number, number: number, offsetMs: number): Utterance {
  return {
    id: `${take}/${number}`,
    take,
    number,
    state: "speaking",
    committed: "",
    tentative: "",
    language: "",
    startMs: offsetMs,
    endMs: offsetMs,
    revision: -1,
    translations: {},
  };
}
