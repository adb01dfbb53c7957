/** What can be heard: a microphone, another program's sound, or a file that is played. */
import { microphoneProblem, problem, type Problem } from "../../client/src/protocol/problems";

export type Source =
  | { readonly kind: "microphone"; readonly deviceId: string }
  /** Of the shell's: all that sounds here, or one window. */
  | { readonly kind: "system" | "window"; readonly id: string; readonly name: string }
  | { readonly kind: "file"; readonly file: File };

/** Raised by what opens a source; `problem` says what to do. */
export class SourceError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

/** A source that is open, until it is released. */
export interface Opened {
  /** Lets its sound flow into a node. Raises what the browser raises, or SourceError. */
  readonly attach: (to: AudioNode) => Promise<void>;
  readonly release: () => void;
}

/** Calls `onEnd` when there is no more to come: with a problem where that is one. Raises SourceError. */
export async function open(source: Source, onEnd: (why: Problem | null) => void): Promise<Opened> {
  if (source.kind === "file") return played(source.file, onEnd);
  const isMicrophone = source.kind === "microphone";
  const stream = isMicrophone ? await microphone(source.deviceId) : await sound(source.kind, source.id);
  stream.getAudioTracks()[0]?.addEventListener("ended", () => {
    onEnd(problem(isMicrophone ? "microphone_lost" : "source_lost"));
  });
  return {
    attach: (to) => {
      new MediaStreamAudioSourceNode(to.context as AudioContext, { mediaStream: stream }).connect(to);
      return Promise.resolve();
    },
    release: () => {
      for (const track of stream.getTracks()) track.stop();
    },
  };
}

/** Recognizers are trained on plain sound; of a microphone only the gain is evened out. */
const PLAIN = { channelCount: 1, echoCancellation: false, noiseSuppression: false };

/** Elsewhere `navigator.mediaDevices` does not exist, whatever its type says. */
export const isSecure = () => window.isSecureContext;

/** The device, or the default one when it is not there any more. */
async function microphone(deviceId: string): Promise<MediaStream> {
  if (!isSecure()) throw new SourceError(problem("microphone_insecure"));
  const plain = { ...PLAIN, autoGainControl: true };
  const audio = deviceId === "" ? plain : { ...plain, deviceId: { ideal: deviceId } };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new SourceError(
      microphoneProblem(error instanceof DOMException ? error.name : "", window.nova !== undefined),
    );
  }
}

/**
 * Chromium gives sound with a picture only; the picture is dropped at once. The sound of everything is asked for as the
 * shell answers it (loopback); that wants a press of a button in our window, so a shortcut goes the other way.
 */
async function sound(kind: "system" | "window", id: string): Promise<MediaStream> {
  const mandatory = { chromeMediaSource: "desktop", chromeMediaSourceId: id };
  const byId = () =>
    navigator.mediaDevices.getUserMedia({ audio: { mandatory }, video: { mandatory } } as MediaStreamConstraints);
  const shared = () => navigator.mediaDevices.getDisplayMedia({ audio: PLAIN, video: true });
  try {
    const stream = await (kind === "system" ? shared().catch(byId) : byId());
    for (const track of stream.getVideoTracks()) track.stop();
    if (stream.getAudioTracks().length > 0) return stream;
  } catch {
    // Told below: a refusal and a picture without sound mean the same to whoever wants to hear.
  }
  throw new SourceError(problem("source_missing"));
}

/** Heard by the person, too. */
function played(file: File, onEnd: (why: null) => void): Opened {
  const url = URL.createObjectURL(file);
  const player = new Audio(url);
  player.addEventListener("ended", () => {
    onEnd(null);
  });
  return {
    attach: async (to) => {
      const node = new MediaElementAudioSourceNode(to.context as AudioContext, { mediaElement: player });
      node.connect(to);
      node.connect(to.context.destination);
      await player.play().catch(() => {
        throw new SourceError(problem("file_unreadable"));
      });
    },
    release: () => {
      player.pause();
      URL.revokeObjectURL(url);
    },
  };
}
