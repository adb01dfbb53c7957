/** Corrections of speakers: by the server, which finds that two labels are one voice, and by the user. */
import type { SpeakersMerged } from "../../../client/src/protocol/messages";
import type { Captions, Utterance } from "../captions";
import { addLabels, assign, isNumbered, replaceSpeaker, speakerOf, type Speaker } from "./labels";
import { divided, speakersOf } from "./parts";

/** Names of the server have at most as many characters. */
export const MAX_NAME = 64;

/** Names win over numbers. Two different names are kept, because the user or an enrolled voice gave them. */
export function mergeSpeakers(captions: Captions, { speaker, merged }: SpeakersMerged): Captions {
  const labels = addLabels(captions.labels, [speaker, merged]);
  const [kept, other] = [speakerOf(labels, speaker), speakerOf(labels, merged)];
  if (!isNumbered(kept) && !isNumbered(other)) return { ...captions, labels: assign(labels, merged, kept) };
  const [from, to] = isNumbered(other) ? [other, kept] : [kept, other];
  const utterances = captions.utterances.map((utterance) =>
    utterance.take === captions.take ? relabeled(utterance, from, to) : utterance,
  );
  return { ...captions, utterances, labels: replaceSpeaker(labels, from, to) };
}

/** Gives a speaker a name. Speakers with the same name become one. An empty name changes nothing. */
export function renameSpeaker(captions: Captions, from: Speaker, name: string): Captions {
  const to = name.trim().replace(/\s+/gu, " ").slice(0, MAX_NAME);
  if (to === "" || to === from) return captions;
  return {
    ...captions,
    utterances: captions.utterances.map((utterance) => relabeled(utterance, from, to)),
    labels: replaceSpeaker(captions.labels, from, to),
  };
}

function relabeled(utterance: Utterance, from: Speaker, to: Speaker): Utterance {
  if (utterance.speaker !== from && !speakersOf(utterance).includes(from)) return utterance;
  const { speaker, parts = [], ...others } = utterance;
  const changed = parts.map((part) => (part.speaker === from ? { ...part, speaker: to } : part));
  return { ...others, ...divided(speaker === from ? to : speaker, changed) };
}
