/** Converts audio of any sample rate to what the server expects by default: 16 kHz, mono, 16 bit. */

/** Hz */
export const SAMPLE_RATE = 16_000;

// Zero crossings of the sinc on each side; they delay the audio by 1.5 ms.
const ZERO_CROSSINGS = 24;
// Share of the narrower band that passes; the rest is the transition band of the filter.
const PASSBAND = 0.9;
// Shape of the Kaiser window: about 80 dB of stop-band attenuation.
const KAISER_BETA = 8;
const NO_TAPS = new Float32Array(0);

/**
 * Polyphase resampler with a Kaiser-windowed sinc filter. The output does not depend on how the input is split.
 *
 * See J. O. Smith, "Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample/
 */
export class Resampler {
  readonly #isPassThrough: boolean;
  readonly #step: number;
  readonly #phases: readonly Float32Array[];
  readonly #reach: number;
  #input: Float32Array;
  // Position of the next output sample: whole samples into #input, and a fraction of #phase / #phases.length.
  #at = 0;
  #phase = 0;

  constructor(inputRate: number, outputRate: number = SAMPLE_RATE) {
    this.#isPassThrough = inputRate === outputRate;
    const divisor = greatestCommonDivisor(inputRate, outputRate);
    this.#step = inputRate / divisor;
    const band = PASSBAND * Math.min(1, outputRate / inputRate);
    this.#reach = Math.ceil(ZERO_CROSSINGS / band);
    const count = outputRate / divisor;
    this.#phases = Array.from({ length: count }, (_, phase) => taps(phase / count, this.#reach, band));
    this.#input = new Float32Array(this.#reach - 1);
  }

  /** Returns the output samples that the new input completes. */
  push(samples: Float32Array): Float32Array {
    if (this.#isPassThrough) return samples;
    const input = concatenated(this.#input, samples);
    const output: number[] = [];
    while (this.#at + 2 * this.#reach <= input.length) {
      output.push(dot(this.#phases[this.#phase] ?? NO_TAPS, input, this.#at));
      this.#advance();
    }
    const used = Math.min(this.#at, input.length);
    this.#input = input.slice(used);
    this.#at -= used;
    return Float32Array.from(output);
  }

  /** Returns the samples that the filter still holds. Do not push afterwards. */
  flush(): Float32Array {
    if (this.#isPassThrough) return new Float32Array(0);
    return this.push(new Float32Array(this.#reach));
  }

  #advance(): void {
    this.#phase += this.#step;
    this.#at += Math.floor(this.#phase / this.#phases.length);
    this.#phase %= this.#phases.length;
  }
}

/**
 * Converts samples of -1 to 1 to signed 16-bit integers, with clipping.
 *
 * The wire format is little-endian; so is every platform that browsers support.
 */
export function toPcm16(samples: Float32Array): Int16Array<ArrayBuffer> {
  return Int16Array.from(samples, (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * 32_767));
}

/** Returns the loudness of samples from 0 (-60 dBFS or less) to 1 (0 dBFS), on a logarithmic scale. */
export function loudness(samples: Float32Array): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length);
  return Math.max(0, Math.min(1, 1 + (10 * Math.log10(power + 1e-12)) / 60));
}

/** Returns the weights of `2 * reach` input samples around a point that is `fraction` after the middle one. */
function taps(fraction: number, reach: number, band: number): Float32Array {
  const weights = Float32Array.from({ length: 2 * reach }, (_, index) => {
    const distance = index - (reach - 1) - fraction;
    return sinc(band * distance) * kaiser(distance / reach);
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const kaiser = (x: number) => (Math.abs(x) >= 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel(KAISER_BETA));

/** Modified Bessel function of the first kind, order zero, as a power series. */
function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-10; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

// Runs 16,000 times a second on the audio thread, where a plain loop is six times as fast as an iterator.
function dot(weights: Float32Array, input: Float32Array, from: number): number {
  let sum = 0;
  for (let index = 0; index < weights.length; index++) sum += (weights[index] ?? 0) * (input[from + index] ?? 0);
  return sum;
}

function concatenated(head: Float32Array, tail: Float32Array): Float32Array {
  const whole = new Float32Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
