import { expect, test } from "vitest";
import { advanced, nowhere, resumption } from "./session-progress";
import type { ServerMessage } from "../protocol/messages";
import { error, final, notice, partial, ready, started, translation } from "../testing/server-events";

const after = (...events: ServerMessage[]) => events.reduce(advanced, nowhere);

test("a session goes on behind its last durable event, with what was promised of the utterance in progress", () => {
  const place = after(
    ready({ session: "a", resume_token: "secret" }),
    final(1, "One.", { cursor: "5-0" }),
    translation(1, "Uno.", true, { cursor: "6-0" }),
    started(2),
    partial(2, 4, "two", " th"),
    notice("previews_slowed"),
  );
  expect(resumption(place, 190)).toEqual({
    type: "resume",
    session: "a",
    token: "secret",
    cursor: "6-0",
    audio_from_ms: 190,
    utterance: 1,
    open_utterance: 2,
    committed: "two",
  });
});

test("an error in the place of a final settles the utterance; one about an older utterance settles nothing", () => {
  const dead = after(ready(), final(1, "One."), error("dead_lettered", { utterance: 2, cursor: "7-0" }));
  expect(dead).toMatchObject({ utterance: 2, cursor: "7-0" });
  expect(advanced(dead, error("dead_lettered", { utterance: 1, cursor: "8-0" }))).toMatchObject({ utterance: 2 });
});

test("events that are not durable leave the cursor where it is", () => {
  const place = after(ready(), final(1, "One.", { cursor: "5-0" }), translation(1, "Un", false), error("unknown_type"));
  expect(place.cursor).toBe("5-0");
});

test("what was missed is asked for again when a resumed connection breaks before it has come", () => {
  const place = after(ready(), final(1, "One.", { cursor: "5-0" }), ready({ cursor: "9-0", audio_from_ms: 400 }));
  expect(place).toMatchObject({ cursor: "5-0", audioFromMs: 400 });
});

test("a session in the place of a lost one has a log of its own, and goes on counting", () => {
  const place = after(ready(), final(3, "Three.", { cursor: "5-0" }), ready({ session: "b", resume_token: "other" }));
  expect(place).toMatchObject({ session: "b", token: "other", cursor: "0-0", utterance: 3 });
});
