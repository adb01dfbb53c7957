import { expect, test } from "vitest";
import { Preroll, PREROLL_MS } from "./preroll";

test("the pre-roll keeps the last frames and returns them once", () => {
  const preroll = new Preroll();
  for (let frame = 0; frame < 100; frame += 1) preroll.push(new Int16Array(480).fill(frame));
  const frames = preroll.take();
  expect(frames.map((frame) => frame[0])).toEqual(Array.from({ length: PREROLL_MS / 30 }, (_, index) => 80 + index));
  expect(preroll.take()).toEqual([]);
});
