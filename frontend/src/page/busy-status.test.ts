import fc from "fast-check";
import { expect, test } from "vitest";
import { notBusy, updateBusy, type BusyState } from "./busy-status";

/** What is shown at these times, if the server's notice changes at them. */
const shown = (...changes: (readonly [ms: number, wanted: string | null])[]) => {
  let state: BusyState = notBusy;
  return changes.map(([ms, wanted]) => (state = updateBusy(state, wanted, ms)).shown);
};

test("a short delay is not reported", () => {
  expect(shown([0, "delayed"], [1_000, null], [9_000, null])).toEqual([null, null, null]);
});

test("a longer one is reported, and its report stays while the server recovers for a moment", () => {
  expect(shown([0, "delayed"], [1_500, "delayed"], [2_000, null], [4_000, "delayed"], [9_000, "delayed"])).toEqual([
    null,
    "delayed",
    "delayed",
    "delayed",
    "delayed",
  ]);
});

test("the report ends when the server has been well for four seconds", () => {
  expect(shown([0, "delayed"], [1_500, "delayed"], [2_000, null], [5_999, null], [6_000, null]).at(-2)).toBe("delayed");
  expect(shown([0, "delayed"], [1_500, "delayed"], [2_000, null], [6_000, null]).at(-1)).toBeNull();
});

test("what is shown changes at most once in 1.5 seconds", () => {
  const changes = fc.array(fc.tuple(fc.integer({ min: 1, max: 800 }), fc.constantFrom(null, "delayed", "slowed")));
  fc.assert(
    fc.property(changes, (steps) => {
      let now = 0;
      let changedAt = -1_500;
      let state = notBusy;
      for (const [ms, wanted] of steps) {
        now += ms;
        const next = updateBusy(state, wanted, now);
        if (next.shown !== state.shown) {
          expect(now - changedAt).toBeGreaterThanOrEqual(1_500);
          changedAt = now;
        }
        state = next;
      }
    }),
  );
});
