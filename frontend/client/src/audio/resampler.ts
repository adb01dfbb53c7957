/** Samples on their way to the server: any rate in, 16 kHz mono 16-bit out. */

/** Hz. What the page sends. */
export const SAMPLE_RATE = 16_000;

/** Zero crossings of the sinc on each side: 1.5 ms of delay. */
const CROSSINGS = 24;
/** Share of the narrower band that passes; the rest is the filter's slope. */
const PASSED = 0.9;
/** Kaiser window: about 80 dB down. */
const BETA = 8;
const NO_TAPS = new Float32Array(0);

/**
 * A streaming resampler: a Kaiser-windowed sinc low-pass, one set of taps for each phase between the two rates.
 * However the input is cut into pieces, the output is the same.
 * (J. O. Smith, "Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample/)
 */
export class Resampler {
  readonly #isIdle: boolean;
  readonly #step: number;
  readonly #phases: readonly Float32Array[];
  readonly #reach: number;
  #input: Float32Array;
  /** Where the next output sample lies: whole input samples into #input, and this many parts of `phases.length`. */
  #at = 0;
  #phase = 0;

  constructor(inputRate: number, outputRate: number = SAMPLE_RATE) {
    this.#isIdle = inputRate === outputRate;
    const divisor = greatestCommonDivisor(inputRate, outputRate);
    this.#step = inputRate / divisor;
    const band = PASSED * Math.min(1, outputRate / inputRate);
    this.#reach = Math.ceil(CROSSINGS / band);
    const count = outputRate / divisor;
    this.#phases = Array.from({ length: count }, (_, phase) => taps(phase / count, this.#reach, band));
    this.#input = new Float32Array(this.#reach - 1);
  }

  /** Samples in; as many samples out as they complete. Between equal rates there is nothing to do. */
  push(samples: Float32Array): Float32Array {
    if (this.#isIdle) return samples;
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

  /** What the filter still holds. Nothing may be pushed afterwards. */
  flush(): Float32Array {
    if (this.#isIdle) return new Float32Array(0);
    return this.push(new Float32Array(this.#reach));
  }

  #advance(): void {
    this.#phase += this.#step;
    this.#at += Math.floor(this.#phase / this.#phases.length);
    this.#phase %= this.#phases.length;
  }
}

/** -1 to 1 as signed 16-bit samples; louder is clipped. The wire is little-endian, as is every browser's machine. */
export function toPcm16(samples: Float32Array): Int16Array<ArrayBuffer> {
  return Int16Array.from(samples, (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * 32_767));
}

/** How loud, 0 to 1, on a scale that suits the eye: -60 dB and below are 0. */
export function loudness(samples: Float32Array): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length);
  return Math.max(0, Math.min(1, 1 + (10 * Math.log10(power + 1e-12)) / 60));
}

/** Weights of the `2 * reach` input samples around a point that lies `fraction` behind the sample left of the middle. */
function taps(fraction: number, reach: number, band: number): Float32Array {
  const weights = Float32Array.from({ length: 2 * reach }, (_, index) => {
    const distance = index - (reach - 1) - fraction;
    return sinc(band * distance) * kaiser(distance / reach);
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const kaiser = (x: number) => (Math.abs(x) >= 1 ? 0 : bessel(BETA * Math.sqrt(1 - x * x)) / bessel(BETA));

/** Modified Bessel function of the first kind, order zero, by its power series. */
function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-10; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** Runs on the audio thread, 16,000 times a second: a plain loop is six times as fast as an iterator here. */
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
