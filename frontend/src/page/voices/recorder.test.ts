import { expect, test } from "vitest";
import { problem, type Problem } from "../../../client/src/protocol/problems";
import type { Capture, CaptureListener } from "../../capture/capture";
import { SourceError } from "../../capture/sources";
import { createVoiceRecorder, MAX_SAMPLE_S } from "./recorder";
import type { Pcm } from "./samples";

const FRAME = 480;
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** A microphone that delivers a last frame while it is closed, as the worklet does. */
function recorder(failure: Error | null = null) {
  const samples: Pcm[] = [];
  const problems: Problem[] = [];
  const opened: CaptureListener[] = [];
  let closed = 0;
  const open = (listener: CaptureListener): Promise<Capture> => {
    if (failure !== null) return Promise.reject(failure);
    opened.push(listener);
    const close = () => {
      closed += 1;
      listener.onFrame(new Int16Array(10).fill(5), 0);
      return Promise.resolve();
    };
    return Promise.resolve({ close });
  };
  const made = createVoiceRecorder(open, {
    onSample: (pcm) => samples.push(pcm),
    onProblem: (found) => problems.push(found),
  });
  const speak = (frames: number) => {
    for (let count = 0; count < frames; count++) opened.at(-1)?.onFrame(new Int16Array(FRAME).fill(3), 0.6);
  };
  return { ...made, samples, problems, opened, speak, closed: () => closed };
}

test("a sample contains all frames, also the last one", async () => {
  const voice = recorder();
  voice.start();
  voice.speak(40);
  expect([voice.isRecording.get(), voice.level.get(), voice.seconds.get()]).toEqual([true, 0.6, 1]);
  voice.stop();
  await settled();
  expect(voice.samples.map((pcm) => [pcm.length, pcm[0], pcm.at(-1)])).toEqual([[40 * FRAME + 10, 3, 5]]);
  expect([voice.isRecording.get(), voice.level.get(), voice.closed()]).toEqual([false, 0, 1]);
});

test("each recording is a sample of its own", async () => {
  const voice = recorder();
  for (const frames of [5, 9]) {
    voice.start();
    voice.start();
    voice.speak(frames);
    voice.stop();
    voice.stop();
    await settled();
  }
  expect(voice.samples.map((pcm) => pcm.length)).toEqual([5 * FRAME + 10, 9 * FRAME + 10]);
  expect(voice.opened.length).toBe(2);
});

test("a long recording ends by itself", async () => {
  const voice = recorder();
  voice.start();
  voice.speak((MAX_SAMPLE_S * 16_000) / FRAME + 20);
  await settled();
  expect(voice.isRecording.get()).toBe(false);
  expect(voice.samples.length).toBe(1);
});

test("a canceled recording releases the microphone and leaves no sample", async () => {
  const voice = recorder();
  voice.start();
  voice.speak(5);
  voice.cancel();
  await settled();
  expect([voice.samples, voice.closed(), voice.isRecording.get()]).toEqual([[], 1, false]);
});

test("a microphone that is blocked or lost is reported", async () => {
  const blocked = recorder(new SourceError(problem("microphone_denied")));
  blocked.start();
  await settled();
  expect([blocked.problems.map(({ code }) => code), blocked.isRecording.get()]).toEqual([["microphone_denied"], false]);
  const lost = recorder();
  lost.start();
  lost.speak(5);
  lost.opened[0]?.onEnd(problem("microphone_lost"));
  await settled();
  expect([lost.problems.map(({ code }) => code), lost.samples, lost.isRecording.get()]).toEqual([
    ["microphone_lost"],
    [],
    false,
  ]);
});
