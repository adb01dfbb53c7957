import { expect, test } from "vitest";
import type { EnrolmentSample } from "../../../client/src/protocol/messages";
import { isUsable, joinedWav, judgedSamples, newSample, secondsOf } from "./samples";

const pcm = (seconds: number, value = 1) => new Int16Array(16_000 * seconds).fill(value);
const judged = (start_ms: number, end_ms: number, some: Partial<EnrolmentSample> = {}): EnrolmentSample => ({
  type: "enrolment_sample",
  utterance: 1,
  accepted: true,
  reason: "",
  message: "",
  start_ms,
  end_ms,
  speech_ms: end_ms - start_ms,
  ...some,
});

test("a sample that is too short is not sent", () => {
  expect([1.9, 2].map((seconds) => newSample(1, pcm(seconds))).map(isUsable)).toEqual([false, true]);
  expect(secondsOf(newSample(1, pcm(2.5)))).toBe(2.5);
});

test("samples become one WAV file with a pause after each", async () => {
  const wav = new DataView(await joinedWav([newSample(1, pcm(2, 7)), newSample(2, pcm(3, 9))]).arrayBuffer());
  const text = (at: number) => String.fromCharCode(...[0, 1, 2, 3].map((index) => wav.getUint8(at + index)));
  expect([text(0), text(8), text(12), text(36)]).toEqual(["RIFF", "WAVE", "fmt ", "data"]);
  expect([wav.getUint16(20, true), wav.getUint16(22, true), wav.getUint32(24, true), wav.getUint16(34, true)]).toEqual([
    1, 1, 16_000, 16,
  ]);
  const bytes = 2 * 16_000 * (2 + 1.5 + 3 + 1.5);
  expect([wav.getUint32(40, true), wav.byteLength, wav.getUint32(4, true)]).toEqual([bytes, 44 + bytes, 36 + bytes]);
  const at = (seconds: number) => wav.getInt16(44 + 2 * 16_000 * seconds, true);
  expect([at(1), at(2.5), at(4), at(7)]).toEqual([7, 0, 9, 0]);
});

test("utterances are assigned to the samples that contain them, also if they end in the pause", () => {
  const samples = [newSample(1, pcm(4)), newSample(2, pcm(4)), newSample(3, pcm(4))];
  const utterances = [
    judged(100, 4_600),
    judged(5_600, 7_500, { accepted: false, reason: "too_short" }),
    judged(7_900, 9_800, { accepted: false, reason: "too_quiet", speech_ms: 1_000 }),
  ];
  expect(judgedSamples(samples, utterances).map(({ id, reason }) => [id, reason])).toEqual([
    [1, ""],
    [2, "too_short"],
    [3, "no_speech"],
  ]);
});

test("a sample is good if one of its utterances is", () => {
  const utterances = [judged(0, 3_000, { accepted: false, reason: "mixed" }), judged(3_500, 4_000)];
  expect(judgedSamples([newSample(1, pcm(4))], utterances)[0]?.reason).toBe("");
});

test("a reason of a later release is shown as not measured", () => {
  const utterances = [judged(0, 3_000, { accepted: false, reason: "whispered" })];
  expect(judgedSamples([newSample(1, pcm(4))], utterances)[0]?.reason).toBe("not_measured");
});
