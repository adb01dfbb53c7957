/** What has been said: server events, folded in order into an immutable list of utterances. */
import type { Final, Partial, ServerMessage, Translation } from "../../client/src/protocol/messages";

export interface Translated {
  readonly text: string;
  readonly isFinal: boolean;
}

export interface Utterance {
  /** Unique on the page. */
  readonly id: string;
  readonly take: number;
  readonly number: number;
  /** "speaking" until its final; "interrupted" when none will come; "withdrawn" when it held no words. */
  readonly state: "speaking" | "final" | "interrupted" | "withdrawn";
  /** While speaking it only grows; afterwards it is the text. */
  readonly committed: string;
  /** Joins `committed` without a space: it brings its own. Empty once the utterance is over. */
  readonly tentative: string;
  readonly language: string;
  /** Milliseconds since the first take began. */
  readonly startMs: number;
  readonly endMs: number;
  /** Of the last partial; -1 when there is none from the connection that has the utterance now. */
  readonly revision: number;
  /** By the code of the target language. */
  readonly translations: Readonly<Record<string, Translated>>;
}

/**
 * A take is all that is said between Start and the last words, however many connections and sessions it needs: they
 * number its utterances and count its time as one.
 */
export interface Captions {
  readonly take: number;
  /** Where the take stands on the page's time: it goes on where the last one ended. */
  readonly offsetMs: number;
  readonly utterances: readonly Utterance[];
}

export const noCaptions: Captions = { take: 0, offsetMs: 0, utterances: [] };

/** The captions when someone is about to speak again. */
export function begin(captions: Captions): Captions {
  const offsetMs = captions.utterances.reduce((end, utterance) => Math.max(end, utterance.endMs), captions.offsetMs);
  return { ...interrupt(captions), take: captions.take + 1, offsetMs };
}

/** The captions after one more event. Events that say nothing of captions change nothing. */
export function fold(captions: Captions, event: ServerMessage): Captions {
  switch (event.type) {
    case "speech_started":
      return update(captions, event.utterance, (utterance) => announced(utterance, captions.offsetMs + event.start_ms));
    case "partial":
      return update(captions, event.utterance, (utterance) => heard(utterance, event, captions.offsetMs));
    case "final":
      return finalized(captions, event);
    case "translation":
      return update(captions, event.utterance, (utterance) => translated(utterance, event));
    case "speech_ended":
      return update(captions, event.utterance, (utterance) =>
        isOpen(utterance) ? { ...utterance, endMs: captions.offsetMs + event.end_ms } : utterance,
      );
    case "error":
      return event.utterance == null ? captions : update(captions, event.utterance, interrupted);
    default:
      return captions;
  }
}

/** The captions when no more events will come: what was heard so far of unfinished utterances is kept. */
export function interrupt(captions: Captions): Captions {
  if (!captions.utterances.some(isOpen)) return captions;
  return { ...captions, utterances: captions.utterances.map(interrupted) };
}

/** The captions without what has been said; an utterance in progress stays. */
export function clear(captions: Captions): Captions {
  return { ...captions, utterances: captions.utterances.filter(isOpen) };
}

/** The utterances that have words to show, in the order they were spoken. */
export function shown(captions: Captions): readonly Utterance[] {
  return captions.utterances.filter((utterance) => utterance.committed !== "" || utterance.tentative !== "");
}

/** Those whose text will not change any more. */
export function finished(captions: Captions): readonly Utterance[] {
  return shown(captions).filter((utterance) => !isOpen(utterance));
}

const isOpen = (utterance: Utterance) => utterance.state === "speaking";

/** An utterance that is announced again is heard anew over another connection: what is shown stays until it is caught up. */
function announced(utterance: Utterance, startMs: number): Utterance {
  if (!isOpen(utterance)) return utterance;
  return { ...utterance, startMs, endMs: Math.max(utterance.endMs, startMs), revision: -1 };
}

/** A partial that comes late, has heard less than is shown, or takes promised words back is ignored: the final will say it. */
function heard(utterance: Utterance, partial: Partial, offsetMs: number): Utterance {
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
 * A lost server may have cut the same audio into more utterances than the one in its place: those that the final
 * covers say nothing new.
 */
function finalized(captions: Captions, final: Final): Captions {
  const { take, offsetMs } = captions;
  const after = update(captions, final.utterance, (utterance) => settled(utterance, final, offsetMs));
  const isCovered = (other: Utterance) =>
    isOpen(other) && other.take === take && other.number > final.utterance && other.endMs <= offsetMs + final.end_ms;
  if (!after.utterances.some(isCovered)) return after;
  return { ...after, utterances: after.utterances.filter((other) => !isCovered(other)) };
}

/** The first final is the last; one that comes late, after an error, is better than what was heard until then. */
function settled(utterance: Utterance, final: Final, offsetMs: number): Utterance {
  if (utterance.state === "final" || utterance.state === "withdrawn") return utterance;
  return {
    ...utterance,
    state: final.text === "" ? "withdrawn" : "final",
    committed: final.text,
    tentative: "",
    language: final.language,
    startMs: offsetMs + final.start_ms,
    endMs: offsetMs + final.end_ms,
  };
}

function interrupted(utterance: Utterance): Utterance {
  if (!isOpen(utterance)) return utterance;
  const text = utterance.committed + utterance.tentative;
  return { ...utterance, state: "interrupted", committed: text, tentative: "" };
}

function translated(utterance: Utterance, { language, text, is_final }: Translation): Utterance {
  if (utterance.translations[language]?.isFinal && !is_final) return utterance;
  return { ...utterance, translations: { ...utterance.translations, [language]: { text, isFinal: is_final } } };
}

/** Changes one utterance, newest first because it is nearly always the last; a number not seen yet gets its place. */
function update(captions: Captions, number: number, change: (utterance: Utterance) => Utterance): Captions {
  const { take, offsetMs, utterances } = captions;
  const last = utterances.findLastIndex((other) => other.take !== take || other.number <= number);
  const found = utterances[last];
  if (found?.take === take && found.number === number) {
    const changed = change(found);
    return changed === found ? captions : { ...captions, utterances: utterances.with(last, changed) };
  }
  const added = change(begun(take, number, offsetMs));
  return { ...captions, utterances: utterances.toSpliced(last + 1, 0, added) };
}

function begun(take: number, number: number, offsetMs: number): Utterance {
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
