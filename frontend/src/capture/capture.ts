/** A source's sound as 16 kHz mono 16-bit frames, and which microphones there are. */
import { SAMPLE_RATE } from "../../client/src/audio/resampler";
import { problem, type Problem } from "../../client/src/protocol/problems";
import { PROCESSOR, type FromWorklet, type ToWorklet } from "./worklet-messages";
import { isSecure, open, SourceError, type Opened, type Source } from "./sources";
import workletUrl from "./worklet?worker&url";

export interface Capture {
  /** Resolves when the last frame has been delivered and the device is free. */
  close: () => Promise<void>;
}

export interface Listener {
  onFrame: (pcm: Int16Array<ArrayBuffer>, loudness: number) => void;
  /** There is no more to come; with a problem where the device went away. */
  onEnd: (why: Problem | null) => void;
}

/** A last frame that does not come within this is not waited for: a device that is gone ends no stream. */
const END_WITHIN_MS = 300;

/** Raises SourceError. */
export async function capture(source: Source, listener: Listener): Promise<Capture> {
  const opened = await open(source, listener.onEnd);
  try {
    return await frugally(source, opened, listener);
  } catch (error) {
    opened.release();
    throw error instanceof SourceError ? error : new SourceError(problem("audio_failed"));
  }
}

/** In pieces as long as our frames, to be heard by nobody; `sinkId` is of the Web Audio API 1.1, and passed over elsewhere. */
const FRUGAL = { latencyHint: 0.03, sampleRate: SAMPLE_RATE, sinkId: { type: "none" } } as AudioContextOptions;

/**
 * At our own rate the browser resamples, which costs a third of what it costs us. Not where the person listens as well;
 * and Firefox hears a device at no rate but its own.
 */
async function frugally(source: Source, opened: Opened, listener: Listener): Promise<Capture> {
  const usual = { latencyHint: "interactive" } as const;
  if (source.kind === "file") return framesOf(opened, new AudioContext(usual), listener);
  const ours = new AudioContext(FRUGAL);
  return framesOf(opened, ours, listener).catch(() => framesOf(opened, new AudioContext(usual), listener));
}

/** All but the default; none until the page has been allowed to use a microphone. */
export async function listMicrophones(): Promise<MediaDeviceInfo[]> {
  if (!isSecure()) return [];
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId !== "" && deviceId !== "default");
}

/** Calls `listener` whenever a device comes or goes. */
export function watchMicrophones(listener: () => void): void {
  if (isSecure()) navigator.mediaDevices.addEventListener("devicechange", listener);
}

/** Where it fails, its context is closed and the source stays open. */
async function framesOf(opened: Opened, context: AudioContext, listener: Listener): Promise<Capture> {
  try {
    await context.audioWorklet.addModule(workletUrl);
    const node = new AudioWorkletNode(context, PROCESSOR, {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    const ended = new Promise<void>((resolve) => {
      node.port.onmessage = ({ data }: MessageEvent<FromWorklet>) => {
        if (data === "ended") resolve();
        else listener.onFrame(data.pcm, data.loudness);
      };
    });
    await opened.attach(node);
    await context.resume();
    return {
      close: async () => {
        node.port.postMessage("end" satisfies ToWorklet);
        await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, END_WITHIN_MS))]);
        opened.release();
        await context.close();
      },
    };
  } catch (error) {
    await context.close();
    throw error;
  }
}
