/** Runs on the audio thread: the context's rate in, frames of 30 ms at 16 kHz out. */
import { loudness, Resampler, SAMPLE_RATE, toPcm16 } from "../../client/src/audio/resampler";
import { PROCESSOR, type FromWorklet } from "./worklet-messages";

const FRAME = 0.03 * SAMPLE_RATE;

class Capture extends AudioWorkletProcessor {
  readonly #resampler = new Resampler(sampleRate);
  readonly #frame = new Float32Array(FRAME);
  #filled = 0;
  #running = true;

  constructor() {
    super();
    this.port.onmessage = () => {
      if (this.#running) this.#end();
    };
  }

  process(inputs: Float32Array[][]): boolean {
    const [channel] = inputs[0] ?? [];
    if (channel && this.#running) this.#take(this.#resampler.push(channel));
    return this.#running;
  }

  #take(samples: Float32Array): void {
    let from = 0;
    while (from < samples.length) {
      const piece = samples.subarray(from, from + FRAME - this.#filled);
      this.#frame.set(piece, this.#filled);
      this.#filled += piece.length;
      from += piece.length;
      if (this.#filled === FRAME) this.#send();
    }
  }

  #send(): void {
    const frame = this.#frame.subarray(0, this.#filled);
    const pcm = toPcm16(frame);
    this.#filled = 0;
    this.port.postMessage({ pcm, loudness: loudness(frame) } satisfies FromWorklet, [pcm.buffer]);
  }

  #end(): void {
    this.#running = false;
    this.#take(this.#resampler.flush());
    if (this.#filled > 0) this.#send();
    this.port.postMessage("ended" satisfies FromWorklet);
  }
}

registerProcessor(PROCESSOR, Capture);
