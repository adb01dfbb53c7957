/** The voices dialog: the enrolled voices, and the samples of a new one. */
import { problem as problemOf, type Problem } from "../../../client/src/protocol/problems";
import { createStore, type Store } from "../../session/store";
import { RequestError } from "../../server/requests";
import type { RecorderListener, VoiceRecorder } from "./recorder";
import { isUsable, joinedWav, judgedSamples, MIN_SAMPLES, newSample, type Pcm, type VoiceSample } from "./samples";
import { judgedUtterances, type EnrolledVoice } from "./voice-requests";
import type { EnrolmentSample } from "../../../client/src/protocol/messages";

/** Why a voice was not saved: the samples, a file without audio, or a problem of the server or the microphone. */
export type EnrolmentOutcome =
  | { readonly kind: "none" | "sending" | "several_voices" }
  | { readonly kind: "enrolled" | "unreadable"; readonly name: string }
  | { readonly kind: "too_few"; readonly good: number }
  | { readonly kind: "failed"; readonly problem: Problem };

export interface VoiceEnrolment {
  /** null: not known. */
  readonly voices: Store<readonly EnrolledVoice[] | null>;
  readonly samples: Store<readonly VoiceSample[]>;
  readonly outcome: Store<EnrolmentOutcome>;
  readonly isSending: Store<boolean>;
  readonly name: Store<string>;
  /** Whether the speaker has agreed. Each voice needs a consent of its own. */
  readonly hasConsent: Store<boolean>;
  readonly recorder: VoiceRecorder;
  /** Reads the list of voices. */
  readonly open: () => void;
  /** Ends a recording. The samples stay. */
  readonly close: () => void;
  readonly addFiles: (files: readonly File[]) => void;
  readonly discard: (id: number) => void;
  /** Sends the samples, unless the name or the consent is missing. */
  readonly enrol: () => void;
  readonly remove: (name: string) => void;
}

export interface EnrolmentDependencies {
  readonly list: () => Promise<readonly EnrolledVoice[]>;
  readonly remove: (name: string) => Promise<void>;
  readonly enrol: (name: string, wav: Blob) => Promise<readonly EnrolmentSample[]>;
  readonly readFile: (file: File) => Promise<Pcm | null>;
  readonly createRecorder: (listener: RecorderListener) => VoiceRecorder;
  /** The voices have changed. */
  readonly onChange: () => void;
}

/** Whether the server accepts a name. Numbers are the labels of other speakers, and URLs cannot contain dots alone. */
export const isVoiceName = (name: string): boolean => !/^(|\d+|\.|\.\.)$/.test(name.trim()) && !name.includes("/");

export function createEnrolment(server: EnrolmentDependencies): VoiceEnrolment {
  const voices = createStore<readonly EnrolledVoice[] | null>(null);
  const samples = createStore<readonly VoiceSample[]>([]);
  const outcome = createStore<EnrolmentOutcome>({ kind: "none" });
  const isSending = createStore(false);
  const name = createStore("");
  const hasConsent = createStore(false);
  let lastId = 0;

  const clearOutcome = () => outcome.set({ kind: isSending.get() ? "sending" : "none" });
  const addSample = (pcm: Pcm) => {
    lastId += 1;
    samples.update((before) => [...before, newSample(lastId, pcm)]);
    clearOutcome();
  };
  const fail = (problem: Problem) => outcome.set({ kind: "failed", problem });
  const recorder = server.createRecorder({ onSample: addSample, onProblem: fail });

  const refresh = () =>
    server.list().then(voices.set, (error: unknown) => {
      voices.set(null);
      fail(asProblem(error));
    });

  async function addFiles(files: readonly File[]): Promise<void> {
    for (const file of files) {
      const pcm = await server.readFile(file);
      if (pcm === null) outcome.set({ kind: "unreadable", name: file.name });
      else addSample(pcm);
    }
  }

  async function enrol(): Promise<void> {
    const recorded = samples.get();
    const sent = recorded.filter(isUsable);
    const enrolled = name.get().trim();
    if (isSending.get() || !isVoiceName(enrolled) || !hasConsent.get()) return;
    const wav = joinedWav(sent);
    isSending.set(true);
    clearOutcome();
    try {
      await server.enrol(enrolled, wav).finally(() => isSending.set(false));
      // Samples that were added in the meantime are not part of this voice.
      samples.update((now) => now.filter((sample) => !recorded.includes(sample)));
      name.set("");
      hasConsent.set(false);
      outcome.set({ kind: "enrolled", name: enrolled });
      server.onChange();
      voices.set(await server.list());
    } catch (error) {
      refuse(sent, error);
    }
  }

  function refuse(sent: readonly VoiceSample[], error: unknown): void {
    const { code } = asProblem(error);
    if (code !== "enrolment_refused") {
      fail(asProblem(error));
      return;
    }
    const utterances = error instanceof RequestError ? judgedUtterances(error.body) : [];
    const judged = new Map(judgedSamples(sent, utterances).map((sample) => [sample.id, sample]));
    samples.update((before) => before.map((sample) => judged.get(sample.id) ?? sample));
    const good = utterances.filter(({ accepted }) => accepted).length;
    outcome.set(good < MIN_SAMPLES ? { kind: "too_few", good } : { kind: "several_voices" });
  }

  async function remove(name: string): Promise<void> {
    try {
      await server.remove(name);
      clearOutcome();
      server.onChange();
      await refresh();
    } catch (error) {
      fail(asProblem(error));
    }
  }

  return {
    voices,
    samples,
    outcome,
    isSending,
    name,
    hasConsent,
    recorder,
    open: () => {
      clearOutcome();
      void refresh();
    },
    close: recorder.cancel,
    addFiles: (files) => void addFiles(files),
    discard: (id) => samples.update((before) => before.filter((sample) => sample.id !== id)),
    enrol: () => void enrol(),
    remove: (name) => void remove(name),
  };
}

const asProblem = (error: unknown): Problem =>
  error instanceof RequestError ? problemOf(error.code, error.message) : problemOf("internal", String(error));
