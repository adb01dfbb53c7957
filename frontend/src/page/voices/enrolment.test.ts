import { expect, test } from "vitest";
import type { EnrolmentSample } from "../../../client/src/protocol/messages";
import { RequestError } from "../../server/requests";
import { createEnrolment, isVoiceName, type EnrolmentDependencies } from "./enrolment";
import { createVoiceRecorder } from "./recorder";
import type { EnrolledVoice } from "./voice-requests";

const settled = () => new Promise((resolve) => setTimeout(resolve));
const SECONDS = 4;
const PERIOD_MS = 1_000 * (SECONDS + 1.5);
const clip = (name: string) => new File([], name);

/** A server that judges each sample by its position. */
function dialog(some: Partial<EnrolmentDependencies> = {}) {
  const calls: string[] = [];
  let enrolled: readonly EnrolledVoice[] = [];
  const made = createEnrolment({
    list: () => Promise.resolve(enrolled),
    remove: (name) => {
      enrolled = enrolled.filter((voice) => voice.name !== name);
      return Promise.resolve();
    },
    enrol: (name, wav) => {
      calls.push(`${name} ${wav.size}`);
      enrolled = [...enrolled, { name, seconds: 12, expires: 5 }];
      return Promise.resolve([]);
    },
    readFile: ({ name }) => Promise.resolve(name.endsWith(".txt") ? null : new Int16Array(SECONDS * 16_000)),
    createRecorder: (listener) => createVoiceRecorder(() => Promise.reject(new Error("no microphone")), listener),
    onChange: () => calls.push("changed"),
    ...some,
  });
  return { ...made, calls, reasons: () => made.samples.get().map(({ reason }) => reason) };
}

const utterance = (number: number, reason: string): EnrolmentSample => ({
  type: "enrolment_sample",
  utterance: number,
  accepted: reason === "",
  reason,
  message: reason,
  start_ms: (number - 1) * PERIOD_MS,
  end_ms: (number - 1) * PERIOD_MS + 3_000,
  speech_ms: 3_000,
});

const refuse = (...reasons: string[]) => {
  const judged = reasons.map((reason, index) => utterance(index + 1, reason));
  return () => Promise.reject(new RequestError("enrolment_refused", "refused", { judged }));
};

async function withSamples(voices: ReturnType<typeof dialog>, count = 3) {
  voices.name.set(" Anna ");
  voices.hasConsent.set(true);
  voices.addFiles(Array.from({ length: count }, (_, index) => clip(`${index}.wav`)));
  await settled();
}

test("a voice is enrolled, listed and deleted", async () => {
  const voices = dialog();
  voices.open();
  await withSamples(voices);
  voices.enrol();
  expect(voices.outcome.get()).toEqual({ kind: "sending" });
  await settled();
  expect(voices.calls).toEqual([`Anna ${44 + 3 * 32 * PERIOD_MS}`, "changed"]);
  expect([voices.outcome.get(), voices.samples.get()]).toEqual([{ kind: "enrolled", name: "Anna" }, []]);
  expect(voices.voices.get()?.map(({ name }) => name)).toEqual(["Anna"]);
  expect([voices.name.get(), voices.hasConsent.get()]).toEqual(["", false]);
  voices.remove("Anna");
  await settled();
  expect([voices.voices.get(), voices.calls.at(-1)]).toEqual([[], "changed"]);
});

test("without consent or a name, no sample is sent", async () => {
  const voices = dialog();
  await withSamples(voices);
  voices.hasConsent.set(false);
  voices.enrol();
  voices.hasConsent.set(true);
  voices.name.set("7");
  voices.enrol();
  await settled();
  expect([voices.calls, voices.outcome.get()]).toEqual([[], { kind: "none" }]);
});

test("with too few good samples, each bad one says why, and is not sent again", async () => {
  const voices = dialog({ enrol: refuse("", "too_quiet", "mixed") });
  await withSamples(voices);
  voices.enrol();
  await settled();
  expect(voices.outcome.get()).toEqual({ kind: "too_few", good: 1 });
  expect(voices.reasons()).toEqual(["", "too_quiet", "mixed"]);
});

test("good samples that are refused are of several voices", async () => {
  const voices = dialog({ enrol: refuse("", "", "") });
  await withSamples(voices);
  voices.enrol();
  await settled();
  expect(voices.outcome.get()).toEqual({ kind: "several_voices" });
});

test.each(["forbidden", "speakers_unavailable", "too_many_voices"])(
  "the samples stay if the server answers %s",
  async (code) => {
    const voices = dialog({ enrol: () => Promise.reject(new RequestError(code, "no")) });
    await withSamples(voices);
    voices.enrol();
    await settled();
    expect(voices.outcome.get()).toEqual({ kind: "failed", problem: { code, message: "no" } });
    expect(voices.reasons()).toEqual([null, null, null]);
  },
);

test("a sample that is added while a voice is sent stays, and nothing is sent twice", async () => {
  let finish: () => void = () => undefined;
  const sent: string[] = [];
  const voices = dialog({
    enrol: (name) => {
      sent.push(name);
      return new Promise((resolve) => (finish = () => resolve([])));
    },
  });
  await withSamples(voices);
  voices.enrol();
  voices.addFiles([clip("notes.txt"), clip("next.wav")]);
  await settled();
  voices.open();
  expect([voices.outcome.get(), voices.isSending.get()]).toEqual([{ kind: "sending" }, true]);
  voices.enrol();
  finish();
  await settled();
  expect([sent, voices.isSending.get()]).toEqual([["Anna"], false]);
  expect(voices.outcome.get()).toEqual({ kind: "enrolled", name: "Anna" });
  expect(voices.samples.get().map(({ id }) => id)).toEqual([4]);
});

test("a list that cannot be read is no empty list", async () => {
  const voices = dialog({ list: () => Promise.reject(new RequestError("unauthorized", "a key is needed")) });
  voices.open();
  await settled();
  expect(voices.voices.get()).toBeNull();
  expect(voices.outcome.get()).toMatchObject({ kind: "failed", problem: { code: "unauthorized" } });
});

test("a file without audio is named, and samples can be removed", async () => {
  const voices = dialog();
  await withSamples(voices, 2);
  voices.addFiles([clip("notes.txt")]);
  await settled();
  expect(voices.outcome.get()).toEqual({ kind: "unreadable", name: "notes.txt" });
  voices.discard(voices.samples.get()[0]?.id ?? 0);
  expect(voices.samples.get().map(({ id }) => id)).toEqual([2]);
});

test("a microphone that cannot be opened is reported", async () => {
  const voices = dialog();
  voices.recorder.start();
  await settled();
  expect(voices.outcome.get()).toMatchObject({ kind: "failed", problem: { code: "audio_failed" } });
});

test("names are no numbers, which are the labels of other speakers, and can be in a URL", () => {
  expect(["Anna", "Ana María", "李", "R2", "", " ", "12", " 3 ", "a/b", ".", " .. ", "..."].map(isVoiceName)).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
    false,
    false,
    false,
    false,
    false,
    true,
  ]);
});
