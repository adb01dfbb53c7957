import { expect, test, vi } from "vitest";
import type { ServerMessage } from "../../client/src/protocol/messages";
import { problem } from "../../client/src/protocol/problems";
import { createStore } from "../session/store";
import { DEFAULT_SETTINGS, type Settings } from "../settings/settings";
import { createSessionSpeakers, SHOWN_MS } from "./session-speakers";

vi.useFakeTimers();

function pageWith(some: Partial<Settings>, enrolled: readonly string[] = []) {
  const settings = createStore<Settings>({ ...DEFAULT_SETTINGS, ...some });
  const requests: string[] = [];
  const speakers = createSessionSpeakers(settings, () => {
    requests.push("voices");
    return Promise.resolve(enrolled);
  });
  return { settings, speakers, requests };
}

const ignored: ServerMessage = {
  type: "speech_ignored",
  utterance: 1,
  start_ms: 0,
  end_ms: 900,
  duration_ms: 900,
  reason: "other_voice",
  by_majority: false,
};

test("voices are requested only if a setting needs them", () => {
  expect(
    [{}, { speakers: true }, { onlySpeaker: "Anna" }].map((some) => {
      const { speakers, requests } = pageWith(some);
      speakers.refreshIfUsed();
      return requests.length;
    }),
  ).toEqual([0, 1, 1]);
});

test("ignored speech is shown for some seconds after the last one", () => {
  const { speakers } = pageWith({ onlySpeaker: "Anna" });
  speakers.applyMessage(ignored);
  vi.advanceTimersByTime(SHOWN_MS - 1);
  speakers.applyMessage({ ...ignored, reason: "too_short" });
  vi.advanceTimersByTime(SHOWN_MS - 1);
  expect(speakers.ignored.get()).toBe("too_short");
  vi.advanceTimersByTime(1);
  expect(speakers.ignored.get()).toBeNull();
});

test("a server that cannot compare voices transcribes everyone at the next start", () => {
  const { speakers, settings } = pageWith({ onlySpeaker: "Anna" });
  speakers.applyProblem(problem("overloaded"));
  expect(settings.get().onlySpeaker).toBe("Anna");
  speakers.applyProblem(problem("speakers_unavailable"));
  expect(settings.get().onlySpeaker).toBe("");
});

test.each([
  [["Anna"], "Anna"],
  [["Ben"], ""],
])("if a voice is not known, and %j are enrolled, the choice is %j", async (enrolled, choice) => {
  const { speakers, settings } = pageWith({ onlySpeaker: "Anna" }, enrolled);
  speakers.applyProblem(problem("unknown_speaker"));
  await vi.advanceTimersByTimeAsync(0);
  expect([speakers.voices.get(), settings.get().onlySpeaker]).toEqual([enrolled, choice]);
});
