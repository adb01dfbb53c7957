/** What has been said: server events, folded in order into an immutable list of utterances. */
import type { Final, Partial, ServerMessage, Translation } from "./protocol";

export interface Translated {
  readonly text: string;
  readonly isFinal: boolean;
}

export interface Utterance {
  /** Unique over all sessions of the page. */
  readonly id: string;
  readonly session: string;
  readonly number: number;
  /** "speaking" until its final; "interrupted" when none will come; "withdrawn" when it held no words. */
  readonly state: "speaking" | "final" | "interrupted" | "withdrawn";
  /** While speaking it only grows; afterwards it is the text. */
  readonly committed: string;
  /** Joins `committed` without a space: it brings its own. Empty once the utterance is over. */
  readonly tentative: string;
  readonly language: string;
  /** Milliseconds since the first session of the page began. */
  readonly startMs: number;
  readonly endMs: number;
  readonly revision: number;
  /** By the code of the target language. */
  readonly translations: Readonly<Record<string, Translated>>;
}

export interface Captions {
  readonly session: string;
  /** Where the session stands on the page's time: a later session goes on where the last one ended. */
  readonly offsetMs: number;
  readonly utterances: readonly Utterance[];
}

export const noCaptions: Captions = { session: "", offsetMs: 0, utterances: [] };

/** The captions after one more event. Events that say nothing of captions change nothing. */
export function fold(captions: Captions, event: ServerMessage): Captions {
  switch (event.type) {
    case "ready":
      return opened(captions, event.session);
    case "speech_started":
      return update(captions, event.utterance, (utterance) => ({
        ...utterance,
        startMs: captions.offsetMs + event.start_ms,
        endMs: Math.max(utterance.endMs, captions.offsetMs + event.start_ms),
      }));
    case "partial":
      return update(captions, event.utterance, (utterance) => heard(utterance, event, captions.offsetMs));
    case "final":
      return update(captions, event.utterance, (utterance) => settled(utterance, event, captions.offsetMs));
    case "translation":
      return update(captions, event.utterance, (utterance) => translated(utterance, event));
    case "speech_ended":
      return update(captions, event.utterance, (utterance) => ({
        ...utterance,
        endMs: captions.offsetMs + event.end_ms,
      }));
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

function opened(captions: Captions, session: string): Captions {
  if (session === captions.session) return captions;
  const offsetMs = captions.utterances.reduce((end, utterance) => Math.max(end, utterance.endMs), captions.offsetMs);
  return { ...interrupt(captions), session, offsetMs };
}

/** A partial that comes late, or takes committed words back, is ignored: the final will say it. */
function heard(utterance: Utterance, partial: Partial, offsetMs: number): Utterance {
  const isStale = !isOpen(utterance) || partial.revision <= utterance.revision;
  if (isStale || !partial.committed.startsWith(utterance.committed)) return utterance;
  return {
    ...utterance,
    committed: partial.committed,
    tentative: partial.tentative,
    language: partial.language,
    startMs: offsetMs + partial.start_ms,
    endMs: offsetMs + partial.end_ms,
    revision: partial.revision,
  };
}

function settled(utterance: Utterance, final: Final, offsetMs: number): Utterance {
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
  return { ...utterance, state: text === "" ? "withdrawn" : "interrupted", committed: text, tentative: "" };
}

function translated(utterance: Utterance, { language, text, is_final }: Translation): Utterance {
  if (utterance.translations[language]?.isFinal && !is_final) return utterance;
  return { ...utterance, translations: { ...utterance.translations, [language]: { text, isFinal: is_final } } };
}

/** Changes one utterance, newest first because it is nearly always the last; a number not seen yet gets its place. */
function update(captions: Captions, number: number, change: (utterance: Utterance) => Utterance): Captions {
  const { session, offsetMs, utterances } = captions;
  const last = utterances.findLastIndex((other) => other.session !== session || other.number <= number);
  const found = utterances[last];
  if (found?.session === session && found.number === number) {
    const changed = change(found);
    return changed === found ? captions : { ...captions, utterances: utterances.with(last, changed) };
  }
  const added = change(begun(session, number, offsetMs));
  return { ...captions, utterances: utterances.toSpliced(last + 1, 0, added) };
}

function begun(session: string, number: number, offsetMs: number): Utterance {
  return {
    id: `${session}/${number}`,
    session,
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
