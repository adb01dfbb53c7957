/** Runs on the audio thread. Converts audio at the context's rate to frames of 30 ms at 16 kHz. */
import { loudness, Resampler, SAMPLE_RATE, toPcm16 } from "../../client/src/audio/resampler";
import { PROCESSOR_NAME, type FromWorklet } from "./worklet-messages";

const FRAME_SAMPLES = 0.03 * SAMPLE_RATE;

class CaptureProcessor extends AudioWorkletProcessor {
  readonly #resampler = new Resampler(sampleRate);
  readonly #frame = new Float32Array(FRAME_SAMPLES);
  #filled = 0;
  #isRunning = true;

  constructor() {
    super();
    this.port.onmessage = () => {
      if (this.#isRunning) this.#end();
    };
  }

  process(inputs: Float32Array[][]): boolean {
    const [channel] = inputs[0] ?? [];
    if (channel && this.#isRunning) this.#append(this.#resampler.push(channel));
    return this.#isRunning;
  }

  #append(samples: Float32Array): void {
    let from = 0;
    while (from < samples.length) {
      const piece = samples.subarray(from, from + FRAME_SAMPLES - this.#filled);
      this.#frame.set(piece, this.#filled);
      this.#filled += piece.length;
      from += piece.length;
      if (this.#filled === FRAME_SAMPLES) this.#send();
    }
  }

  #send(): void {
    const frame = this.#frame.subarray(0, this.#filled);
    const pcm = toPcm16(frame);
    this.#filled = 0;
    this.port.postMessage({ pcm, loudness: loudness(frame) } satisfies FromWorklet, [pcm.buffer]);
  }

  #end(): void {
    this.#isRunning = false;
    this.#append(this.#resampler.flush());
    if (this.#filled > 0) this.#send();
    this.port.postMessage("ended" satisfies FromWorklet);
  }
}

registerProcessor(PROCESSOR_NAME, CaptureProcessor);
