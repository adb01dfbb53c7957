import { expect, test } from "vitest";
import { beginTake, applyEvent, emptyCaptions } from "../transcript/captions";
import { idle, step, type ConnectionInput, type ConnectionState } from "../../client/src/session/connection-state";
import { DEFAULT_SETTINGS, type Settings } from "../settings/settings";
import { emptySubtitles } from "../subtitles/subtitles";
import { final, partial, ready } from "../../client/src/testing/server-events";
import { bubbleContent, subtitleOptions, overlayContent } from "./overlay-content";

const after = (...inputs: ConnectionInput[]) =>
  inputs.reduce<ConnectionState>((state, input) => step(state, input, 0).state, idle);
const opened: ConnectionInput[] = [{ type: "start" }, { type: "audio_opened" }];
const lost: ConnectionInput = { type: "closed", code: 1006 };
const listening = after(...opened, { type: "message", message: ready() });
const speech = applyEvent(beginTake(emptyCaptions), partial(1, 1, "Ask", " not")).utterances[0];

test("the bubble shows committed and tentative text, and the level", () => {
  const bubble = bubbleContent(listening, true, speech, 0.51, "en");
  expect(bubble).toEqual({
    tone: "listen",
    status: "Listening",
    committed: "Ask",
    tentative: " not",
    language: "en",
    level: 0.5,
  });
});

test("after speech the bubble shows the text that is typed", () => {
  const done = applyEvent(beginTake(emptyCaptions), final(1, "Ask not.")).utterances[0];
  expect(bubbleContent(listening, false, done, 0.5, "es")).toMatchObject({
    tone: "type",
    status: "Escribiendo…",
    committed: "Ask not.",
    level: 0,
  });
});

test("the bubble reports a lost connection, and a failure with advice", () => {
  const reconnecting = after(...opened, lost, { type: "timeout" }, lost);
  expect(bubbleContent(reconnecting, true, speech, 0, "en")).toMatchObject({
    tone: "wait",
    status: "Reconnecting… Trying again. The last minute of your speech is kept.",
    committed: "Ask",
  });
  const refused = after(...opened, { type: "closed", code: 1008 });
  expect(bubbleContent(refused, false, undefined, 0, "en")).toMatchObject({
    tone: "error",
    status: "The server refused the session. Check the settings, then press Start.",
  });
});

test("the bubble shows that the microphone is being opened", () => {
  expect(bubbleContent(after({ type: "start" }), true, undefined, 0, "en")).toMatchObject({
    tone: "wait",
    status: "Opening the microphone…",
  });
});

test("the settings determine which texts are shown; without a translation it is the spoken text", () => {
  const looks = (target: string, show: Settings["subtitles"]["show"]) => {
    const subtitles = { ...DEFAULT_SETTINGS.subtitles, show };
    const { spoken, translation } = subtitleOptions({ ...DEFAULT_SETTINGS, target, subtitles }, String);
    return [spoken?.language, translation?.language];
  };
  expect(looks("es", "both")).toEqual(["", "es"]);
  expect(looks("es", "spoken")).toEqual(["", undefined]);
  expect(looks("es", "translation")).toEqual([undefined, "es"]);
  expect(looks("", "translation")).toEqual(["", undefined]);
});

test("names of speakers are in the spoken text, or in the translation if it is alone", () => {
  const named = (show: Settings["subtitles"]["show"], speakers = true) => {
    const subtitles = { ...DEFAULT_SETTINGS.subtitles, show };
    const { spoken, translation } = subtitleOptions({ ...DEFAULT_SETTINGS, target: "es", speakers, subtitles }, String);
    return [spoken?.nameOf !== undefined, translation?.nameOf !== undefined];
  };
  expect([named("both"), named("spoken"), named("translation"), named("both", false)]).toEqual([
    [true, false],
    [true, false],
    [false, true],
    [false, false],
  ]);
});

test("the overlay contains the visible texts in order, and their look", () => {
  const { texts, look } = overlayContent(emptySubtitles, emptySubtitles, DEFAULT_SETTINGS.subtitles, "");
  expect(texts.map(({ kind }) => kind)).toEqual(["spoken", "translation"]);
  expect(look).toEqual({
    lines: 2,
    size: 30,
    color: "#ffffff",
    background: "#000000",
    opacity: 65,
    position: "bottom",
    isLocked: true,
  });
  expect(overlayContent(null, emptySubtitles, DEFAULT_SETTINGS.subtitles, "").texts.map(({ kind }) => kind)).toEqual([
    "translation",
  ]);
});
