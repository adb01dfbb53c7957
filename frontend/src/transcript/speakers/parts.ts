/** Finds the speakers of utterances. */
import type { Final } from "../../../client/src/protocol/messages";
import { speakerOf, type Speaker, type SpeakerLabels } from "./labels";

/** A part of an utterance that one speaker says. */
export interface SpeakerPart {
  readonly speaker: Speaker;
  readonly text: string;
  /** Milliseconds since the first take began, like all times of a transcript. */
  readonly startMs: number;
  readonly endMs: number;
}

/** The speakers of an utterance. */
export interface Spoken {
  /** Undefined if unknown. In a line of several speakers, this is the speaker who talks longest. */
  readonly speaker?: Speaker;
  /** In order, if several speakers say it. */
  readonly parts?: readonly SpeakerPart[];
}

/** The labels of a final, in the order in which their speakers begin. */
export const labelsOf = ({ speaker, speaker_segments: segments }: Final): readonly string[] => [
  ...(segments ?? []).map((segment) => segment.speaker),
  ...(speaker == null ? [] : [speaker]),
];

export function spokenBy(
  { speaker, speaker_segments: segments }: Final,
  labels: SpeakerLabels,
  offsetMs: number,
): Spoken {
  const parts = (segments ?? []).map(({ speaker: label, text, start_ms, end_ms }) => ({
    speaker: speakerOf(labels, label),
    text: text.trim(),
    startMs: offsetMs + start_ms,
    endMs: offsetMs + end_ms,
  }));
  return divided(speaker == null ? undefined : speakerOf(labels, speaker), parts);
}

/** An utterance is divided only if several speakers say it. */
export function divided(main: Speaker | undefined, parts: readonly SpeakerPart[]): Spoken {
  const speakers = new Set(parts.map(({ speaker }) => speaker));
  const [only] = speakers;
  if (speakers.size > 1) return { ...(main === undefined ? {} : { speaker: main }), parts };
  const speaker = only ?? main;
  return speaker === undefined ? {} : { speaker };
}

/** The speakers, in the order in which they speak. */
export const speakersOf = ({ speaker, parts }: Spoken): readonly Speaker[] =>
  parts?.map((part) => part.speaker) ?? (speaker === undefined ? [] : [speaker]);

/** All speakers, in the order in which they begin. */
export const allSpeakers = (utterances: readonly Spoken[]): readonly Speaker[] => [
  ...new Set(utterances.flatMap(speakersOf)),
];
