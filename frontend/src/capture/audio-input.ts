/** One source at a time, open for as long as someone speaks, or longer: then what was heard just before is there as well. */
import { Preroll } from "./preroll";
import { problem, type Problem } from "../../client/src/protocol/problems";
import { capture, type Capture, type Listener } from "./capture";
import { SourceError, type Source } from "./sources";

interface Device {
  readonly source: Source;
  readonly opened: Promise<Capture>;
  /** No more will come of it. */
  isOver: boolean;
}

export class Ear {
  readonly #listener: Listener;
  readonly #preroll = new Preroll();
  #device: Device | null = null;
  #isListening = false;
  #staysOpen = false;

  /** `onEnd` is told only of a source that is listened to. */
  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** Frames flow from now on, and where the device was open, those of the last moments before. Raises SourceError. */
  async open(source: Source): Promise<void> {
    const device = this.#deviceFor(source);
    this.#isListening = true;
    for (const frame of this.#preroll.take()) this.#listener.onFrame(frame, 0);
    await device.opened;
  }

  /** Frames flow no more; the device stays open. */
  pause(): void {
    this.#isListening = false;
  }

  /** Resolves when the last frame was delivered: to false when something else was opened meanwhile. */
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

  /** Frames flow no more, and the last one is not waited for. */
  drop(): void {
    this.#isListening = false;
    if (!this.#isKept(this.#device)) this.#release();
  }

  /** Whether this microphone is to be open before anybody speaks; null: none. One that cannot be opened is left for `open` to tell. */
  stayReady(source: Source | null): void {
    this.#staysOpen = source !== null;
    if (this.#isListening) return;
    if (source === null) this.#release();
    else this.#deviceFor(source).opened.catch(() => undefined);
  }

  #deviceFor(source: Source): Device {
    if (this.#device?.isOver === false && isSame(this.#device.source, source)) return this.#device;
    this.#release();
    const device: Device = {
      source,
      isOver: false,
      opened: capture(source, {
        onFrame: (pcm, loudness) => {
          if (this.#device !== device) return;
          if (this.#isListening) this.#listener.onFrame(pcm, loudness);
          else this.#preroll.push(pcm);
        },
        onEnd: (why) => {
          this.#gone(device, why);
        },
      }),
    };
    this.#device = device;
    device.opened.catch(() => {
      if (this.#device === device) this.#device = null;
    });
    return device;
  }

  #gone(device: Device, why: Problem | null): void {
    device.isOver = true;
    if (this.#device !== device) return;
    if (this.#isListening) this.#listener.onEnd(why);
    else this.#release();
  }

  #release(): void {
    const device = this.#device;
    this.#device = null;
    this.#preroll.take();
    device?.opened.then((opened) => opened.close()).catch(() => undefined);
  }

  #isKept(device: Device | null): boolean {
    return this.#staysOpen && device?.source.kind === "microphone" && !device.isOver;
  }
}

/** What is the matter with a source that could not be opened. */
export const whyClosed = (error: unknown): Problem =>
  error instanceof SourceError ? error.problem : problem("audio_failed");

function isSame(one: Source, other: Source): boolean {
  if (one.kind === "microphone") return other.kind === "microphone" && one.deviceId === other.deviceId;
  return one === other;
}
