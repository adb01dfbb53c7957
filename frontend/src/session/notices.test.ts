import { expect, test } from "vitest";
import { noted } from "./notices";
import type { ServerMessage } from "../../client/src/protocol/messages";
import { error, final, notice, ready } from "../../client/src/testing/server-events";

const codes = (...events: ServerMessage[]) => events.reduce(noted, []).map(({ code }) => code);

test("how previews are served is one note, and none when they are normal again", () => {
  expect(codes(notice("previews_slowed"), notice("audio_missing"), notice("previews_stopped"))).toEqual([
    "audio_missing",
    "previews_stopped",
  ]);
  expect(codes(notice("previews_slowed"), notice("previews_stopped"), notice("previews_normal"))).toEqual([]);
});

test.each(["delayed", "redis_unavailable"])("`%s` stays until the delay is over", (code) => {
  expect(codes(notice(code), final(1, "One."))).toEqual([code]);
  expect(codes(notice(code), notice("delay_over"))).toEqual([]);
});

test("another connection begins with nothing the matter; what was lost stays said", () => {
  expect(codes(notice("delayed"), notice("previews_slowed"), notice("audio_missing"), ready())).toEqual([
    "audio_missing",
  ]);
});

test("what is said twice is shown once, in words for the reader where there are some", () => {
  expect([notice("audio_missing"), notice("audio_missing")].reduce(noted, [])).toEqual([
    { code: "audio_missing", message: expect.stringMatching(/^The connection was away/) as string, isError: false },
  ]);
  expect(noted([], notice("from_the_future"))).toEqual([
    { code: "from_the_future", message: "from_the_future", isError: false },
  ]);
});

test("an error that ends nothing is a note, one that is fatal is not: the connection says it", () => {
  expect(codes(error("dead_lettered", { utterance: 3 }))).toEqual(["dead_lettered"]);
  expect(codes(error("overloaded", { fatal: true }))).toEqual([]);
});
