import { expect, test } from "vitest";
import { done, error, final } from "../../../client/src/testing/server-events";
import { applyLine, endOfResponse, isBusy, LineReader, shareDone, type RecordingState } from "./recording-state";

const uploading: RecordingState = { phase: "uploading", name: "a.mp4", sent: 30, total: 120 };
const opened = { type: "recording", length_ms: 60_000 } as const;
const spoken = (end_ms: number, text = "Hello.") => final(1, text, { start_ms: 0, end_ms });

test("progress is the share that was sent, and then the share that is transcribed", () => {
  expect(shareDone(uploading)).toBe(0.25);
  const transcribing = [opened, spoken(15_000), spoken(12_000)].reduce(applyLine, uploading);
  expect([shareDone(transcribing), isBusy(transcribing)]).toEqual([0.25, true]);
  const finished = applyLine(transcribing, done);
  expect(finished).toEqual({ phase: "finished", name: "a.mp4", hasText: true });
  expect(isBusy(finished)).toBe(false);
});

test("the share is unknown if the file does not say how long it is", () => {
  expect(shareDone(applyLine(uploading, { type: "recording" }))).toBeNull();
});

test("a recording without speech is finished without text", () => {
  expect([opened, spoken(5_000, ""), done].reduce(applyLine, uploading)).toMatchObject({ hasText: false });
});

test("a fatal error is the result, and an error about one utterance is not", () => {
  const transcribing = applyLine(uploading, opened);
  expect(applyLine(transcribing, error("max_attempts", { utterance: 1 }))).toBe(transcribing);
  expect(applyLine(transcribing, error("overloaded", { fatal: true, message: "Full." }))).toMatchObject({
    phase: "failed",
    problem: { code: "overloaded", message: "Full." },
  });
});

test("a response that ends early means that the connection was lost", () => {
  expect(endOfResponse(applyLine(uploading, opened))).toMatchObject({ problem: { code: "recording_interrupted" } });
  const finished = [opened, done].reduce(applyLine, uploading);
  expect(endOfResponse(finished)).toBe(finished);
});

test("lines are returned once they are complete, wherever the response is divided", () => {
  const text = `${JSON.stringify(opened)}\n${JSON.stringify(spoken(1))}\n`;
  const reader = new LineReader();
  const lines = Array.from(text, (_, at) => reader.newLines(text.slice(0, at + 1))).flat();
  expect(lines).toEqual([opened, spoken(1)]);
});
