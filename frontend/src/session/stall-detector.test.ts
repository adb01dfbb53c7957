import { expect, test } from "vitest";
import { PREROLL_MS, Preroll } from "../capture/preroll";
import { attentive, isStalled, lessAttentive, sounded } from "./stall-detector";

test("a server is missed after ten seconds of sound without an answer, and not for silence", () => {
  expect(isStalled(sounded(attentive, 0.7, 9_990))).toBe(false);
  expect(isStalled(sounded(attentive, 0.7, 10_000))).toBe(true);
  expect(isStalled(sounded(attentive, 0.1, 3_600_000))).toBe(false);
});

test("where it was missed in vain, noise has to last longer", () => {
  expect(isStalled(sounded(lessAttentive(attentive), 0.7, 10_000))).toBe(false);
  expect(isStalled(sounded(lessAttentive(attentive), 0.7, 20_000))).toBe(true);
});

test("of what was heard before someone speaks, the last is kept, once", () => {
  const preroll = new Preroll();
  for (let frame = 0; frame < 100; frame += 1) preroll.push(new Int16Array(480).fill(frame));
  const frames = preroll.take();
  expect(frames.map((frame) => frame[0])).toEqual(Array.from({ length: PREROLL_MS / 30 }, (_, index) => 80 + index));
  expect(preroll.take()).toEqual([]);
});
