import { expect, test } from "vitest";
import { advance, noProgress, resumeMessage } from "./session-progress.js";
import type { ServerMessage } from "../protocol/messages.js";
import { error, final, notice, partial, ready, started, translation } from "../testing/server-events.js";

const after = (...events: ServerMessage[]) => events.reduce(advance, noProgress);

test("a session resumes after its last durable event, with the committed text of the open utterance", () => {
  const progress = after(
    ready({ session: "a", resume_token: "secret" }),
    final(1, "One.", { cursor: "5-0" }),
    translation(1, "Uno.", true, { cursor: "6-0" }),
    started(2),
    partial(2, 4, "two", " th"),
    notice("previews_slowed"),
  );
  expect(resumeMessage(progress, 190)).toEqual({
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

test("an error in place of a final completes the utterance; one about an older utterance changes nothing", () => {
  const dead = after(ready(), final(1, "One."), error("dead_lettered", { utterance: 2, cursor: "7-0" }));
  expect(dead).toMatchObject({ utterance: 2, cursor: "7-0" });
  expect(advance(dead, error("dead_lettered", { utterance: 1, cursor: "8-0" }))).toMatchObject({ utterance: 2 });
});

test("events that are not durable do not move the cursor", () => {
  const progress = after(
    ready(),
    final(1, "One.", { cursor: "5-0" }),
    translation(1, "Un", false),
    error("unknown_type"),
  );
  expect(progress.cursor).toBe("5-0");
});

test("missed events are requested again if the resumed connection is lost before they arrive", () => {
  const progress = after(ready(), final(1, "One.", { cursor: "5-0" }), ready({ cursor: "9-0", audio_from_ms: 400 }));
  expect(progress).toMatchObject({ cursor: "5-0", audioFromMs: 400 });
});

test("a session that replaces a lost one has its own log, and continues to count utterances", () => {
  const progress = after(
    ready(),
    final(3, "Three.", { cursor: "5-0" }),
    ready({ session: "b", resume_token: "other" }),
  );
  expect(progress).toMatchObject({ session: "b", token: "other", cursor: "0-0", utterance: 3 });
});
