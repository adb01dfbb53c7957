import { expect, test } from "vitest";
import { updateNotices } from "./notices";
import type { ServerMessage } from "../../client/src/protocol/messages";
import { error, final, notice, ready } from "../../client/src/testing/server-events";

const codes = (...events: ServerMessage[]) => events.reduce(updateNotices, []).map(({ code }) => code);

test("previews have one notice at a time, and none when they are normal again", () => {
  expect(codes(notice("previews_slowed"), notice("audio_missing"), notice("previews_stopped"))).toEqual([
    "audio_missing",
    "previews_stopped",
  ]);
  expect(codes(notice("previews_slowed"), notice("previews_stopped"), notice("previews_normal"))).toEqual([]);
});

test.each(["delayed", "redis_unavailable"])("`%s` stays until `delay_over`", (code) => {
  expect(codes(notice(code), final(1, "One."))).toEqual([code]);
  expect(codes(notice(code), notice("delay_over"))).toEqual([]);
});

test.each(["low_level", "clipped", "no_sound"])("`%s` stays until the level is normal", (code) => {
  expect(codes(notice(code), final(1, "One."))).toEqual([code]);
  expect(codes(notice(code), notice("level_normal"))).toEqual([]);
  expect(codes(notice(code), notice("clipped"))).toEqual(["clipped"]);
});

test("a new connection removes notices about the server's state, but not about lost audio", () => {
  expect(codes(notice("delayed"), notice("previews_slowed"), notice("audio_missing"), ready())).toEqual([
    "audio_missing",
  ]);
});

test("a repeated notice is shown once", () => {
  expect([notice("audio_missing"), notice("audio_missing")].reduce(updateNotices, [])).toEqual([
    { code: "audio_missing", message: "audio_missing", isError: false },
  ]);
  expect(updateNotices([], notice("from_the_future"))).toEqual([
    { code: "from_the_future", message: "from_the_future", isError: false },
  ]);
});

test("a non-fatal error is a notice; a fatal one is reported by the connection", () => {
  expect(codes(error("dead_lettered", { utterance: 3 }))).toEqual(["dead_lettered"]);
  expect(codes(error("overloaded", { fatal: true }))).toEqual([]);
});
