import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loudness, Resampler, SAMPLE_RATE, toPcm16 } from "./resampler.js";

const tone = (hz: number, rate: number, seconds = 0.5) =>
  Float32Array.from({ length: rate * seconds }, (_, n) => 0.5 * Math.sin((2 * Math.PI * hz * n) / rate));

const rms = (samples: Float32Array) => Math.hypot(...samples) / Math.sqrt(samples.length);

/** Returns the middle of the resampled tone, without the transients at its edges. */
function resampled(hz: number, rate: number): Float32Array {
  return new Resampler(rate).push(tone(hz, rate)).slice(1_000, -1_000);
}

const decibels = (hz: number, rate: number) => 20 * Math.log10(rms(resampled(hz, rate)) / rms(tone(hz, rate)));

describe("the resampler", () => {
  test.each([48_000, 44_100, 16_000, 8_000])("passes a tone of 1 kHz unchanged, from %i Hz", (rate) => {
    expect(decibels(1_000, rate)).toBeCloseTo(0, 1);
  });

  test.each([48_000, 44_100, 96_000])("suppresses a tone of 10 kHz by more than 70 dB, from %i Hz", (rate) => {
    expect(decibels(10_000, rate)).toBeLessThan(-70);
  });

  test("keeps the frequency of a tone", () => {
    const samples = resampled(1_000, 44_100);
    const crossings = samples.filter((sample, n) => n > 0 && sample >= 0 && (samples[n - 1] ?? 0) < 0).length;
    expect(crossings / (samples.length / SAMPLE_RATE)).toBeCloseTo(1_000, -1);
  });

  test.each([
    [48_000, 16_000],
    [44_100, 16_000],
    [8_000, 16_000],
  ])("converts one second at %i Hz to %i samples after flush", (rate, expected) => {
    const resampler = new Resampler(rate);
    expect(resampler.push(new Float32Array(rate)).length + resampler.flush().length).toBe(expected);
  });

  test("returns the same output however the input is split", () => {
    const input = tone(440, 44_100, 0.1);
    const whole = new Resampler(44_100).push(input);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: input.length }), { maxLength: 20 }), (cuts) => {
        const resampler = new Resampler(44_100);
        const ends = [...cuts.sort((a, b) => a - b), input.length];
        const pieces = ends.flatMap((end, n) => [...resampler.push(input.subarray(ends[n - 1] ?? 0, end))]);
        expect(pieces).toEqual([...whole]);
      }),
      { numRuns: 30 },
    );
  });
});

test("samples become signed 16-bit integers with clipping", () => {
  expect([...toPcm16(Float32Array.of(0, 0.5, 1, -1, 1.7, -1.7))]).toEqual([
    0, 16_384, 32_767, -32_767, 32_767, -32_767,
  ]);
});

test("loudness is 0 for silence and 1 for a full-scale square wave", () => {
  expect(loudness(new Float32Array(480))).toBe(0);
  expect(loudness(new Float32Array(480).fill(0.1))).toBeCloseTo(2 / 3, 2);
  expect(loudness(new Float32Array(480).fill(1))).toBeCloseTo(1, 5);
  expect(loudness(new Float32Array(0))).toBe(0);
});
