/** Converts an audio source to frames of 30 ms: 16 kHz, mono, 16 bit. */
import { SAMPLE_RATE } from "../../client/src/audio/resampler";
import { problem, type Problem } from "../../client/src/protocol/problems";
import { openSource, SourceError, type AudioSource, type OpenSource } from "./sources";
import { PROCESSOR_NAME, type FromWorklet, type ToWorklet } from "./worklet-messages";
import workletUrl from "./worklet?worker&url";

export interface Capture {
  /** Resolves when the last frame has been delivered and the device is released. */
  close: () => Promise<void>;
}

export interface CaptureListener {
  /** `loudness` is 0 to 1. */
  onFrame: (pcm: Int16Array<ArrayBuffer>, loudness: number) => void;
  /** The source has ended; with a problem if the device was lost. */
  onEnd: (reason: Problem | null) => void;
}

// A device that was unplugged never delivers its last frame.
const LAST_FRAME_TIMEOUT_MS = 300;

/** @throws SourceError */
export async function startCapture(source: AudioSource, listener: CaptureListener): Promise<Capture> {
  const opened = await openSource(source, listener.onEnd);
  try {
    return await captureAtTargetRate(source, opened, listener);
  } catch (error) {
    opened.release();
    throw error instanceof SourceError ? error : new SourceError(problem(await captureProblemCode()));
  }
}

/** Loads the worklet when the page opens, so that a recording can begin while the server is restarting. */
export function prefetchWorklet(): void {
  void fetch(workletUrl).catch(() => undefined);
}

/** Without the worklet there is no audio. Its file comes from the server, which may be down. */
function captureProblemCode(): Promise<string> {
  return fetch(workletUrl, { cache: "no-store" }).then(
    ({ ok }) => (ok ? "audio_failed" : "connection_lost"),
    () => "connection_lost",
  );
}

// Without output (`sinkId`, Web Audio API 1.1; other browsers ignore it) and with the latency of one frame, the browser
// wakes up as rarely as possible.
const CAPTURE_CONTEXT = { latencyHint: 0.03, sampleRate: SAMPLE_RATE, sinkId: { type: "none" } } as AudioContextOptions;

/**
 * With a context at 16 kHz the browser resamples, which costs a third of the CPU time of our resampler. A file needs
 * the device's rate, because it is also played; and Firefox cannot connect a microphone to a context with another rate.
 */
async function captureAtTargetRate(
  source: AudioSource,
  opened: OpenSource,
  listener: CaptureListener,
): Promise<Capture> {
  const deviceRate = { latencyHint: "interactive" } as const;
  if (source.kind === "file") return captureFrames(opened, new AudioContext(deviceRate), listener);
  return captureFrames(opened, new AudioContext(CAPTURE_CONTEXT), listener).catch(() =>
    captureFrames(opened, new AudioContext(deviceRate), listener),
  );
}

/** On failure it closes the context; the source stays open. */
async function captureFrames(opened: OpenSource, context: AudioContext, listener: CaptureListener): Promise<Capture> {
  try {
    await context.audioWorklet.addModule(workletUrl);
    const node = new AudioWorkletNode(context, PROCESSOR_NAME, {
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
        await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, LAST_FRAME_TIMEOUT_MS))]);
        opened.release();
        await context.close();
      },
    };
  } catch (error) {
    await context.close();
    throw error;
  }
}
