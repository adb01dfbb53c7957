/**
 * The speakers of a transcript. A transcript may need several sessions of the server, and each session numbers its
 * speakers from 1, so a number that an earlier session has used is replaced by a new one.
 */

/** A number, or a name. Unique in the transcript. */
export type Speaker = string;

export interface SpeakerLabels {
  /** Of the server; "" before the first one of a take. */
  readonly session: string;
  /** By the label that the server's session uses. */
  readonly speakers: ReadonlyMap<string, Speaker>;
  /** Numbers that earlier sessions have used. */
  readonly taken: readonly Speaker[];
}

export const noLabels: SpeakerLabels = { session: "", speakers: new Map(), taken: [] };

/** Whether the speaker has no name. The server accepts no name that is a number. */
export const isNumbered = (speaker: Speaker): boolean => /^\d+$/.test(speaker);

/** @param numbered The name of a speaker without one. */
export const speakerName = (speaker: Speaker, numbered: (number: string) => string): string =>
  isNumbered(speaker) ? numbered(speaker) : speaker;

/** The next session numbers its speakers from 1 again. Enrolled voices keep the name that the user gave them. */
export function endSession({ speakers, taken }: SpeakerLabels): SpeakerLabels {
  return {
    session: "",
    speakers: new Map([...speakers].filter(([label]) => !isNumbered(label))),
    taken: [...new Set([...taken, ...[...speakers.values()].filter(isNumbered)])],
  };
}

/** A session that is resumed keeps its labels. */
export function beginSession(labels: SpeakerLabels, session: string): SpeakerLabels {
  if (labels.session === session) return labels;
  return { ...(labels.session === "" ? labels : endSession(labels)), session };
}

export const speakerOf = ({ speakers }: SpeakerLabels, label: string): Speaker => speakers.get(label) ?? label;

/** Adds labels in the order in which their speakers begin. */
export const addLabels = (labels: SpeakerLabels, added: readonly string[]): SpeakerLabels =>
  added.reduce(addLabel, labels);

function addLabel(labels: SpeakerLabels, label: string): SpeakerLabels {
  const { speakers, taken } = labels;
  if (speakers.has(label)) return labels;
  const used = [...taken, ...speakers.values()];
  const speaker = isNumbered(label) && used.includes(label) ? nextNumber(used) : label;
  return assign(labels, label, speaker);
}

const nextNumber = (used: readonly Speaker[]): Speaker =>
  String(1 + Math.max(0, ...used.filter(isNumbered).map(Number)));

export const assign = (labels: SpeakerLabels, label: string, speaker: Speaker): SpeakerLabels => ({
  ...labels,
  speakers: new Map(labels.speakers).set(label, speaker),
});

/** Later speech with the labels of one speaker is that of another one. */
export const replaceSpeaker = (labels: SpeakerLabels, from: Speaker, to: Speaker): SpeakerLabels => ({
  ...labels,
  speakers: new Map([...labels.speakers].map(([label, speaker]) => [label, speaker === from ? to : speaker])),
});
