import { expect, test } from "vitest";
import { addAudio, doubleTolerance, isStalled, noSilence } from "./stall-detector.js";

test("a server is stalled after ten seconds of loud audio without an answer, but not after silence", () => {
  expect(isStalled(addAudio(noSilence, 0.7, 9_990))).toBe(false);
  expect(isStalled(addAudio(noSilence, 0.7, 10_000))).toBe(true);
  expect(isStalled(addAudio(noSilence, 0.1, 3_600_000))).toBe(false);
});

test("after a reconnection without an answer, twice as much loud audio is tolerated", () => {
  expect(isStalled(addAudio(doubleTolerance(noSilence), 0.7, 10_000))).toBe(false);
  expect(isStalled(addAudio(doubleTolerance(noSilence), 0.7, 20_000))).toBe(true);
});
