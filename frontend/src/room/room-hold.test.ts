import { expect, test } from "vitest";
import { noHold, parseHold, waitMs } from "./room-hold";

const hold = { holdMs: 5_000, released: "2000-1", aheadMs: 100 };

test("a line waits from its first final on, by the clock of the server", () => {
  expect(waitMs(hold, "3000-0", 4_000)).toBe(3_900);
  expect(waitMs(hold, "3000-0", 8_000)).toBe(0);
  expect(waitMs(noHold, "3000-0", 0)).toBe(0);
});

test("released lines and speech in progress do not wait", () => {
  expect([waitMs(hold, "2000-1", 0), waitMs(hold, "999-9", 0), waitMs(hold, "", 0)]).toEqual([0, 0, 0]);
  expect(waitMs(hold, "2000-2", 0)).toBe(6_900);
});

test("an answer of another form is ignored", () => {
  expect(parseHold({ hold_ms: 5_000, released: "1-0", now_ms: 70 }, 50)).toEqual({
    holdMs: 5_000,
    released: "1-0",
    aheadMs: 20,
  });
  for (const answer of [null, {}, { hold_ms: "1", released: "1-0", now_ms: 1 }]) expect(parseHold(answer, 0)).toBeNull();
});
