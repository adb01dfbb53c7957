/** Records samples of a voice with the microphone. They stay in memory. */
import { problem, type Problem } from "../../../client/src/protocol/problems";
import { SAMPLE_RATE } from "../../../client/src/audio/resampler";
import { captureProblem } from "../../capture/audio-input";
import type { Capture, CaptureListener } from "../../capture/capture";
import { createStore, type Store } from "../../session/store";
import { joinFrames, type Pcm } from "./samples";

export interface VoiceRecorder {
  readonly isRecording: Store<boolean>;
  /** Of the last 30 ms, 0 to 1. */
  readonly level: Store<number>;
  /** Whole seconds of the recording. */
  readonly seconds: Store<number>;
  start: () => void;
  /** Delivers the sample. */
  stop: () => void;
  /** Ends the recording without a sample. */
  cancel: () => void;
}

export interface RecorderListener {
  readonly onSample: (pcm: Pcm) => void;
  readonly onProblem: (problem: Problem) => void;
}

// Longer samples describe a voice no better.
export const MAX_SAMPLE_S = 30;

/** @param open Opens the microphone. */
export function createVoiceRecorder(
  open: (listener: CaptureListener) => Promise<Capture>,
  { onSample, onProblem }: RecorderListener,
): VoiceRecorder {
  const isRecording = createStore(false);
  const level = createStore(0);
  const seconds = createStore(0);
  let frames: Pcm[] = [];
  let current: Promise<Capture> | null = null;

  function start(): void {
    if (current !== null) return;
    frames = [];
    seconds.set(0);
    isRecording.set(true);
    const opened = open({
      onFrame: (pcm, loudness) => {
        if (current === opened) addFrame(pcm, loudness);
      },
      onEnd: (reason) => {
        if (current === opened) fail(reason ?? problem("microphone_lost"));
      },
    });
    current = opened;
    opened.catch((error: unknown) => {
      if (current === opened) fail(captureProblem(error));
    });
  }

  function addFrame(pcm: Pcm, loudness: number): void {
    frames.push(pcm);
    level.set(loudness);
    const samples = frames.reduce((sum, frame) => sum + frame.length, 0);
    seconds.set(Math.floor(samples / SAMPLE_RATE));
    if (samples >= MAX_SAMPLE_S * SAMPLE_RATE) stop();
  }

  function stop(): void {
    const recorded = current;
    if (recorded === null || !isRecording.get()) return;
    isRecording.set(false);
    // The last frame arrives while the device is closed.
    void recorded
      .then((capture) => capture.close())
      .then(
        () => {
          if (current !== recorded) return;
          const pcm = joinFrames(frames);
          end();
          onSample(pcm);
        },
        () => undefined,
      );
  }

  function fail(reason: Problem): void {
    cancel();
    onProblem(reason);
  }

  function cancel(): void {
    void current?.then((capture) => capture.close()).catch(() => undefined);
    end();
  }

  function end(): void {
    current = null;
    frames = [];
    isRecording.set(false);
    level.set(0);
  }

  return { isRecording, level, seconds, start, stop, cancel };
}
