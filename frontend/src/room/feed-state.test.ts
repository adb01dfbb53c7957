import { expect, test } from "vitest";
import { retryDelayMs, stateOfEnd, stateOfRefusal, worstState } from "./feed-state";

test.each([
  [404, "unknown_room", false, "unknown_room"],
  [401, "unauthorized", true, "link_ended"],
  [401, "unauthorized", false, "link_needed"],
  [403, "foreign_origin", false, "link_needed"],
  [409, "too_many_languages", true, "too_many_languages"],
  [503, "too_many_readers", true, "too_many_readers"],
  [400, "unsupported_language", true, "invalid"],
  [503, "redis_unavailable", true, "lost"],
  [502, "", true, "lost"],
] as const)("a refusal with %i and %j is understood", (status, code, hasToken, state) => {
  expect(stateOfRefusal(status, code, hasToken)).toBe(state);
});

test("only a link that has ended ends the feed", () => {
  expect(["link_ended", "key_ended", "draining"].map(stateOfEnd)).toEqual(["link_ended", "link_ended", "lost"]);
  for (const state of ["link_ended", "link_needed", "invalid"] as const) expect(retryDelayMs(state, 0, 1)).toBeNull();
});

test("tries become rarer, and are spread", () => {
  expect([0, 1, 2, 9].map((failures) => retryDelayMs("lost", failures, 1))).toEqual([500, 1_000, 2_000, 5_000]);
  expect(retryDelayMs("lost", 1, 0)).toBe(500);
  expect(retryDelayMs("unknown_room", 0, 0)).toBe(10_000);
});

test("the worst of several connections is shown", () => {
  expect(worstState(["open", "lost"])).toBe("lost");
  expect(worstState(["open", "connecting"])).toBe("connecting");
  expect(worstState(["open", "open"])).toBe("open");
});
