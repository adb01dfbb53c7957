/** The last moments before a session starts, so that its first word is complete. They are sent only if one starts. */
import { SAMPLE_RATE } from "../../client/src/audio/resampler";

export const PREROLL_MS = 600;

const MAX_SAMPLES = (PREROLL_MS / 1_000) * SAMPLE_RATE;

export class Preroll {
  #frames: Int16Array<ArrayBuffer>[] = [];
  #samples = 0;

  push(frame: Int16Array<ArrayBuffer>): void {
    this.#frames.push(frame);
    this.#samples += frame.length;
    for (let [first] = this.#frames; first && this.#samples - first.length >= MAX_SAMPLES; [first] = this.#frames) {
      this.#samples -= first.length;
      this.#frames.shift();
    }
  }

  /** Returns the frames and removes them. */
  take(): readonly Int16Array<ArrayBuffer>[] {
    const frames = this.#frames;
    this.#frames = [];
    this.#samples = 0;
    return frames;
  }
}
