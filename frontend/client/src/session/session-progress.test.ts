import { expect, test } from "vitest";
import { advance, coveredMs, noProgress, resumeMessage, startMessage } from "./session-progress.js";
import type { ServerMessage } from "../protocol/messages.js";
import { error, final, notice, partial, ready, started, translation } from "../testing/server-events.js";

const after = (...events: ServerMessage[]) => events.reduce(advance, noProgress());

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
  expect(dead).toMatchObject({ channels: [{ utterance: 2, cursor: "7-0" }] });
  expect(advance(dead, error("dead_lettered", { utterance: 1, cursor: "8-0" }))).toMatchObject({
    channels: [{ utterance: 2 }],
  });
});

test("events that are not durable do not move the cursor", () => {
  const progress = after(
    ready(),
    final(1, "One.", { cursor: "5-0" }),
    translation(1, "Un", false),
    error("unknown_type"),
  );
  expect(progress.channels[0]?.cursor).toBe("5-0");
});

test("missed events are requested again if the resumed connection is lost before they arrive", () => {
  const progress = after(ready(), final(1, "One.", { cursor: "5-0" }), ready({ cursor: "9-0", audio_from_ms: 400 }));
  expect(progress).toMatchObject({
    channels: [{ cursor: "5-0" }],
    audioFromMs: 400,
  });
});

test("a session that replaces a lost one has its own log, and continues to count utterances", () => {
  const progress = after(
    ready(),
    final(3, "Three.", { cursor: "5-0" }),
    ready({ session: "b", resume_token: "other" }),
  );
  expect(progress).toMatchObject({
    session: "b",
    token: "other",
    channels: [{ cursor: "0-0", utterance: 3 }],
  });
});

test("each channel has its own utterances, cursor and committed text", () => {
  const channels = [
    { audio_from_ms: 0, cursor: "1-0" },
    { audio_from_ms: 0, cursor: "2-0" },
  ];
  const events: ServerMessage[] = [
    ready({ channels }),
    final(1, "One.", { channel: 1, end_ms: 500, cursor: "3-0" }),
    partial(2, 1, "so far", "", { channel: 1 }),
    error("unknown_type"),
  ];
  const before = events.reduce(advance, noProgress(2));
  expect(coveredMs(before)).toBe(0);
  const progress = advance(before, final(1, "Uno.", { channel: 0, end_ms: 900 }));
  expect(coveredMs(progress)).toBe(500);
  expect(resumeMessage(progress, 500, true)).toEqual({
    type: "resume",
    session: "a",
    token: "secret",
    channels: [
      {
        cursor: "1-0",
        audio_from_ms: 500,
        utterance: 1,
        open_utterance: 0,
        committed: "",
      },
      {
        cursor: "3-0",
        audio_from_ms: 500,
        utterance: 1,
        open_utterance: 2,
        committed: "so far",
      },
    ],
  });
  expect(startMessage(progress, { type: "start", multichannel: true }, 500)).toEqual({
    type: "start",
    multichannel: true,
    positions: [
      { audio_from_ms: 900, utterance: 1 },
      { audio_from_ms: 500, utterance: 1 },
    ],
    correlation_id: "c",
  });
});
