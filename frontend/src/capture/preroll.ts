/** The last of what is heard while nobody listens, so that a first word is whole. It never leaves this computer unless one goes on. */
import { SAMPLE_RATE } from "../../client/src/audio/resampler";

export const PREROLL_MS = 600;

export class Preroll {
  #frames: Int16Array<ArrayBuffer>[] = [];
  #samples = 0;

  push(frame: Int16Array<ArrayBuffer>): void {
    this.#frames.push(frame);
    this.#samples += frame.length;
    const most = (PREROLL_MS / 1_000) * SAMPLE_RATE;
    for (let [first] = this.#frames; first && this.#samples - first.length >= most; [first] = this.#frames) {
      this.#samples -= first.length;
      this.#frames.shift();
    }
  }

  /** What was kept, once. */
  take(): readonly Int16Array<ArrayBuffer>[] {
    const frames = this.#frames;
    this.#frames = [];
    this.#samples = 0;
    return frames;
  }
}
