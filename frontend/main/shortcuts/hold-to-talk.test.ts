import { expect, test, vi } from "vitest";
import { untilReleased } from "./hold-to-talk";

test("a held shortcut ends when one of its keys is released, whatever else is pressed", async () => {
  vi.useFakeTimers();
  const samples = [
    [37, 64, 40],
    [37, 64, 40],
    [37, 64, 40, 50],
    [37, 40, 50],
  ];
  let polls = 0;
  const end = untilReleased(() => Promise.resolve(samples[polls++] ?? []));
  await vi.runAllTimersAsync();
  await end;
  expect(polls).toBe(4);
  vi.useRealTimers();
});

test("a tapped shortcut ends immediately", async () => {
  await expect(untilReleased(() => Promise.resolve([]))).resolves.toBeUndefined();
});
