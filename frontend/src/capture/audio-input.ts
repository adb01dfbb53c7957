/**
 * One audio source at a time. A microphone may stay open between sessions, to keep the moments before speech begins.
 */
import { problem, type Problem } from "../../client/src/protocol/problems";
import { startCapture, type Capture, type CaptureListener } from "./capture";
import { Preroll } from "./preroll";
import { SourceError, type AudioSource } from "./sources";

interface Device {
  readonly source: AudioSource;
  readonly opened: Promise<Capture>;
  /** Whether it delivers no more audio. */
  hasEnded: boolean;
}

export class AudioInput {
  readonly #listener: CaptureListener;
  readonly #preroll = new Preroll();
  #device: Device | null = null;
  #isListening = false;
  #staysOpen = false;

  /** `listener.onEnd` is called only for a source that is in use. */
  constructor(listener: CaptureListener) {
    this.#listener = listener;
  }

  /**
   * Delivers frames from now on, preceded by the pre-roll if the device was already open.
   *
   * @throws SourceError
   */
  async open(source: AudioSource): Promise<void> {
    const device = this.#deviceFor(source);
    this.#isListening = true;
    for (const frame of this.#preroll.take()) this.#listener.onFrame(frame, 0);
    await device.opened;
  }

  /** Stops delivering frames; the device stays open. */
  pause(): void {
    this.#isListening = false;
  }

  /** Resolves when the last frame was delivered, to false if another source was opened meanwhile. */
  async close(): Promise<boolean> {
    const closing = this.#device;
    if (!this.#isKept(closing)) {
      await closing?.opened.then((opened) => opened.close()).catch(() => undefined);
      if (this.#device !== closing) return false;
      this.#device = null;
    }
    this.#isListening = false;
    return true;
  }

  /** Stops delivering frames without waiting for the last one. */
  drop(): void {
    this.#isListening = false;
    if (!this.#isKept(this.#device)) this.#release();
  }

  /**
   * Keeps this microphone open while no session uses it; null closes it.
   *
   * A microphone that cannot be opened is reported by the next `open`.
   */
  keepReady(source: AudioSource | null): void {
    this.#staysOpen = source !== null;
    if (this.#isListening) return;
    if (source === null) this.#release();
    else this.#deviceFor(source).opened.catch(() => undefined);
  }

  #deviceFor(source: AudioSource): Device {
    if (this.#device?.hasEnded === false && isSame(this.#device.source, source)) return this.#device;
    this.#release();
    const device: Device = {
      source,
      hasEnded: false,
      opened: startCapture(source, {
        onFrame: (pcm, loudness) => {
          if (this.#device !== device) return;
          if (this.#isListening) this.#listener.onFrame(pcm, loudness);
          else this.#preroll.push(pcm);
        },
        onEnd: (reason) => this.#onEnd(device, reason),
      }),
    };
    this.#device = device;
    device.opened.catch(() => {
      if (this.#device === device) this.#device = null;
    });
    return device;
  }

  #onEnd(device: Device, reason: Problem | null): void {
    device.hasEnded = true;
    if (this.#device !== device) return;
    if (this.#isListening) this.#listener.onEnd(reason);
    else this.#release();
  }

  #release(): void {
    const device = this.#device;
    this.#device = null;
    this.#preroll.take();
    device?.opened.then((opened) => opened.close()).catch(() => undefined);
  }

  #isKept(device: Device | null): boolean {
    return this.#staysOpen && device?.source.kind === "microphone" && !device.hasEnded;
  }
}

/** Why a source could not be opened. */
export const captureProblem = (error: unknown): Problem =>
  error instanceof SourceError ? error.problem : problem("audio_failed");

function isSame(one: AudioSource, other: AudioSource): boolean {
  if (one.kind === "microphone") return other.kind === "microphone" && one.deviceId === other.deviceId;
  return one === other;
}
