/** Audio sources: a microphone, the audio of other programs, or a file. */
import { problem, type Problem } from "../../client/src/protocol/problems";

export type AudioSource =
  | { readonly kind: "microphone"; readonly deviceId: string }
  /** The tab, window or screen that the user chooses when the session starts. */
  | { readonly kind: "display" }
  /** Desktop client only: the audio of the whole computer, or of one window. */
  | { readonly kind: "system" | "window"; readonly id: string; readonly name: string }
  | { readonly kind: "file"; readonly file: File };

export class SourceError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

/** A source that is open until it is released. */
export interface OpenSource {
  /** Connects its audio to a node. Throws the browser's exceptions, or SourceError. */
  readonly attach: (to: AudioNode) => Promise<void>;
  readonly release: () => void;
}

/**
 * @param onEnd Called when the source ends; with a problem if the device was lost.
 * @throws SourceError
 */
export async function openSource(source: AudioSource, onEnd: (reason: Problem | null) => void): Promise<OpenSource> {
  if (source.kind === "file") return openFile(source.file, onEnd);
  const stream = await openStream(source);
  stream.getAudioTracks()[0]?.addEventListener("ended", () => onEnd(endOf(source)));
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

function openStream(source: Exclude<AudioSource, { kind: "file" }>): Promise<MediaStream> {
  if (source.kind === "microphone") return openMicrophone(source.deviceId);
  return source.kind === "display" ? openDisplayAudio() : openDesktopAudio(source.kind, source.id);
}

function endOf({ kind }: AudioSource): Problem | null {
  // The browser has a button of its own to end the capture of a tab, so that is no failure.
  if (kind === "display") return null;
  return problem(kind === "microphone" ? "microphone_lost" : "source_lost");
}

// Recognizers are trained on unprocessed audio. Only the gain of a microphone is adjusted.
const UNPROCESSED = { channelCount: 1, echoCancellation: false, noiseSuppression: false };

/** On insecure pages `navigator.mediaDevices` is missing, although its type says otherwise. */
export const isSecurePage = () => window.isSecureContext;

/** Opens the default device if the requested one is missing. */
async function openMicrophone(deviceId: string): Promise<MediaStream> {
  if (!isSecurePage()) throw new SourceError(problem("microphone_insecure"));
  const constraints = { ...UNPROCESSED, autoGainControl: true };
  const audio = deviceId === "" ? constraints : { ...constraints, deviceId: { ideal: deviceId } };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    throw new SourceError(problem(microphoneProblemCode(name, window.nova !== undefined)));
  }
}

/** Translates the error of getUserMedia. */
function microphoneProblemCode(errorName: string, isDesktopClient: boolean): string {
  switch (errorName) {
    case "NotAllowedError":
    case "SecurityError":
      return isDesktopClient ? "microphone_forbidden" : "microphone_denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "microphone_missing";
    case "NotReadableError":
    case "AbortError":
      return "microphone_busy";
    default:
      return "audio_failed";
  }
}

/** The browser asks for a tab, window or screen. It offers audio only together with video, which is not used. */
async function openDisplayAudio(): Promise<MediaStream> {
  if (!isSecurePage()) throw new SourceError(problem("microphone_insecure"));
  const wanted = { audio: UNPROCESSED, video: true, systemAudio: "include" } as DisplayMediaStreamOptions;
  const stream = await navigator.mediaDevices.getDisplayMedia(wanted).catch(() => {
    throw new SourceError(problem("display_denied"));
  });
  for (const track of stream.getVideoTracks()) track.stop();
  if (stream.getAudioTracks().length > 0) return stream;
  throw new SourceError(problem("display_silent"));
}

/**
 * Chromium captures desktop audio only together with video, so the video tracks are stopped immediately.
 *
 * For the whole computer the shell answers getDisplayMedia with loopback audio. That needs a click in our window; a
 * session that a global shortcut starts falls back to the source id.
 */
async function openDesktopAudio(kind: "system" | "window", id: string): Promise<MediaStream> {
  const mandatory = { chromeMediaSource: "desktop", chromeMediaSourceId: id };
  const byId = () =>
    navigator.mediaDevices.getUserMedia({ audio: { mandatory }, video: { mandatory } } as MediaStreamConstraints);
  const byDisplay = () => navigator.mediaDevices.getDisplayMedia({ audio: UNPROCESSED, video: true });
  try {
    const stream = await (kind === "system" ? byDisplay().catch(byId) : byId());
    for (const track of stream.getVideoTracks()) track.stop();
    if (stream.getAudioTracks().length > 0) return stream;
  } catch {
    // Reported below: a refusal and a capture without audio are the same problem for the user.
  }
  throw new SourceError(problem("source_missing"));
}

/** The user hears the file as well. */
function openFile(file: File, onEnd: (reason: null) => void): OpenSource {
  const url = URL.createObjectURL(file);
  const player = new Audio(url);
  player.addEventListener("ended", () => onEnd(null));
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
