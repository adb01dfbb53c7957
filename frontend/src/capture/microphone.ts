/** The microphone as 16 kHz mono 16-bit frames. */
import { microphoneProblem, problem, type Problem } from "../core/problems";
import { PROCESSOR, type FromWorklet, type ToWorklet } from "./frames";
import workletUrl from "./worklet?worker&url";

export interface Microphone {
  /** Resolves when the last frame has been delivered and the device is free. */
  close: () => Promise<void>;
}

export interface Listener {
  onFrame: (pcm: Int16Array<ArrayBuffer>, loudness: number) => void;
  /** The device went away. */
  onLost: () => void;
}

/** Raised by `openMicrophone`; `problem` says what to do. */
export class MicrophoneError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

/** A last frame that does not come within this is not waited for: a device that is gone ends no stream. */
const END_WITHIN_MS = 300;

/** Opens the device, or the default one when it is not there any more. Raises MicrophoneError. */
export async function openMicrophone(deviceId: string, listener: Listener): Promise<Microphone> {
  const stream = await userMedia(deviceId);
  const context = new AudioContext({ latencyHint: "interactive" });
  try {
    return await captureFrom(stream, context, listener);
  } catch {
    await release(stream, context);
    throw new MicrophoneError(problem("audio_failed"));
  }
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

/** Elsewhere `navigator.mediaDevices` does not exist, whatever its type says. */
const isSecure = () => window.isSecureContext;

async function userMedia(deviceId: string): Promise<MediaStream> {
  if (!isSecure()) throw new MicrophoneError(problem("microphone_insecure"));
  // Recognizers are trained on plain sound: only the gain is evened out.
  const plain = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true };
  const audio = deviceId === "" ? plain : { ...plain, deviceId: { ideal: deviceId } };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new MicrophoneError(microphoneProblem(error instanceof DOMException ? error.name : ""));
  }
}

async function captureFrom(stream: MediaStream, context: AudioContext, listener: Listener): Promise<Microphone> {
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
  context.createMediaStreamSource(stream).connect(node);
  stream.getAudioTracks()[0]?.addEventListener("ended", listener.onLost);
  await context.resume();
  return {
    close: async () => {
      node.port.postMessage("end" satisfies ToWorklet);
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, END_WITHIN_MS))]);
      await release(stream, context);
    },
  };
}

async function release(stream: MediaStream, context: AudioContext): Promise<void> {
  for (const track of stream.getTracks()) track.stop();
  if (context.state !== "closed") await context.close();
}
