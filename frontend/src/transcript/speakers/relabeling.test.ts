import { describe, expect, test } from "vitest";
import type { ServerMessage, SpeakerSegment } from "../../../client/src/protocol/messages";
import { final as someFinal, partial, ready } from "../../../client/src/testing/server-events";
import { applyEvent, beginTake, editUtterance, emptyCaptions, type Captions } from "../captions";
import { saveSession, toCaptions } from "../history";
import { paragraphsOf } from "../paragraphs";
import { allSpeakers } from "./parts";
import { MAX_NAME, renameSpeaker } from "./relabeling";

const said = (utterance: number, text: string, speaker: string, speaker_segments: SpeakerSegment[] | null = null) =>
  someFinal(utterance, text, { speaker, speaker_segments });
const segment = (speaker: string, text: string, start_ms: number): SpeakerSegment => ({
  speaker,
  text,
  start_ms,
  end_ms: start_ms + 50,
});
const merge = (speaker: string, merged: string): ServerMessage => ({ type: "speakers_merged", speaker, merged });
const applyAll = (captions: Captions, ...events: ServerMessage[]) => events.reduce(applyEvent, captions);
const take = (captions: Captions, ...events: ServerMessage[]) =>
  applyAll(beginTake(captions), ready({ session: `s${captions.take}` }), ...events);
const speakers = ({ utterances }: Captions) => utterances.map(({ speaker }) => speaker);

const interview = take(emptyCaptions, said(1, "Hello.", "1"), said(2, "Good evening.", "2"), said(3, "So?", "1"));
const shared = take(
  emptyCaptions,
  said(1, "Why? Because.", "2", [segment("1", " Why?", 100), segment("2", " Because.", 150)]),
);

test("finals have their speaker, and open utterances have none", () => {
  expect(speakers(applyAll(interview, partial(4, 1, "and")))).toEqual(["1", "2", "1", undefined]);
});

test("an utterance of several speakers has their parts, with times of the transcript", () => {
  const [utterance] = take({ ...interview, offsetMs: 1_000 }, said(1, "Hm.", "1")).utterances.slice(3);
  expect(utterance?.speaker).toBe("3");
  expect(shared.utterances[0]?.parts).toEqual([
    { speaker: "1", text: "Why?", startMs: 100, endMs: 150 },
    { speaker: "2", text: "Because.", startMs: 150, endMs: 200 },
  ]);
  expect(allSpeakers(shared.utterances)).toEqual(["1", "2"]);
});

describe("a correction of the server", () => {
  test("changes the text that is shown and later finals", () => {
    expect(speakers(applyAll(interview, merge("1", "2"), said(4, "Yes.", "2")))).toEqual(["1", "1", "1", "1"]);
  });

  test("joins the parts of what turns out to be one speaker", () => {
    const [utterance] = applyAll(shared, merge("1", "2")).utterances;
    expect(utterance).toMatchObject({ committed: "Why? Because.", speaker: "1" });
    expect(utterance).not.toHaveProperty("parts");
  });

  test("does not change earlier takes, whose speakers have other labels", () => {
    const second = take(interview, said(1, "Hi.", "1"), said(2, "Hi there.", "2"));
    expect(speakers(second)).toEqual(["1", "2", "1", "3", "4"]);
    expect(speakers(applyAll(second, merge("1", "2")))).toEqual(["1", "2", "1", "3", "3"]);
  });

  test("keeps the name that the user gave to either speaker", () => {
    expect(speakers(applyAll(renameSpeaker(interview, "2", "Ben"), merge("1", "2")))).toEqual(["Ben", "Ben", "Ben"]);
    const both = renameSpeaker(renameSpeaker(interview, "2", "Ben"), "1", "Anna");
    expect(speakers(applyAll(both, merge("1", "2"), said(4, "Yes.", "2")))).toEqual(["Anna", "Ben", "Anna", "Anna"]);
  });
});

describe("a name that the user gives", () => {
  const named = renameSpeaker(interview, "1", "  Anna   Smith ");

  test("applies to all text of the speaker, also to later finals", () => {
    expect(speakers(applyAll(named, said(4, "Yes.", "1")))).toEqual(["Anna Smith", "2", "Anna Smith", "Anna Smith"]);
  });

  test("makes one of two speakers, and of the parts of an utterance", () => {
    expect(speakers(renameSpeaker(named, "2", "Anna Smith"))).toEqual(["Anna Smith", "Anna Smith", "Anna Smith"]);
    expect(renameSpeaker(shared, "1", "2").utterances[0]).not.toHaveProperty("parts");
  });

  test("that is empty changes nothing, and a long one is cut", () => {
    expect(renameSpeaker(interview, "1", " ")).toBe(interview);
    expect(speakers(renameSpeaker(interview, "2", "x".repeat(99)))[1]).toHaveLength(MAX_NAME);
  });

  test("of an enrolled voice lasts for later takes", () => {
    const enrolled = renameSpeaker(take(emptyCaptions, said(1, "Hello.", "Anna")), "Anna", "Mum");
    expect(speakers(take(enrolled, said(1, "Hello.", "Anna")))).toEqual(["Mum", "Mum"]);
  });
});

test("a stored session keeps its speakers, and more speech gets other numbers", () => {
  const stored = JSON.stringify(saveSession([], 1, renameSpeaker(interview, "1", "Anna")));
  const [session] = JSON.parse(stored) as ReturnType<typeof saveSession>;
  if (session === undefined) throw new Error("nothing was stored");
  const opened = toCaptions(session);
  expect(speakers(opened)).toEqual(["Anna", "2", "Anna"]);
  expect(speakers(take(opened, said(1, "One.", "1"), said(2, "Two.", "2")))).toEqual(["Anna", "2", "Anna", "1", "3"]);
});

test("another speaker begins a paragraph, also without a pause", () => {
  const at = (utterance: number, speaker: string) =>
    someFinal(utterance, "Word", { speaker, start_ms: 1_000 * utterance, end_ms: 1_000 * (utterance + 1) });
  const { utterances } = applyAll(emptyCaptions, at(1, "1"), at(2, "1"), at(3, "2"));
  expect(paragraphsOf(utterances).map(({ pieces }) => pieces.length)).toEqual([2, 1]);
});

describe("an edit of an utterance of several speakers", () => {
  const parts = (captions: Captions) => captions.utterances[0]?.parts?.map(({ text }) => text);

  test("changes the text of each speaker", () => {
    const edited = editUtterance(shared, "1/1", ["Why now?", "Because."], {});
    expect(parts(edited)).toEqual(["Why now?", "Because."]);
    expect(edited.utterances[0]?.committed).toBe("Why now? Because.");
  });

  test("keeps the text as it was if nothing was changed", () => {
    expect(editUtterance(shared, "1/1", ["Why?", "Because."], {}).utterances[0]?.committed).toBe("Why? Because.");
  });

  test("removes a speaker whose text is empty", () => {
    const [utterance] = editUtterance(shared, "1/1", ["Why?", " "], {}).utterances;
    expect(utterance).toMatchObject({ committed: "Why?", speaker: "1" });
    expect(utterance).not.toHaveProperty("parts");
  });
});
