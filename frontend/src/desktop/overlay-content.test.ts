import { expect, test } from "vitest";
import { begin, fold, noCaptions } from "../transcript/captions";
import { idle, step, type Input, type State } from "../../client/src/session/connection-state";
import { DEFAULTS, type Settings } from "../settings/settings";
import { noSubtitles } from "../subtitles/subtitles";
import { final, partial, ready } from "../../client/src/testing/server-events";
import { bubbleOf, looksOf, overlayOf } from "./overlay-content";

const after = (...inputs: Input[]) => inputs.reduce<State>((state, input) => step(state, input, 0).state, idle);
const opened: Input[] = [{ type: "start" }, { type: "microphone_opened" }];
const lost: Input = { type: "closed", code: 1006 };
const listening = after(...opened, { type: "message", message: ready() });
const said = fold(begin(noCaptions), partial(1, 1, "Ask", " not")).utterances[0];

test("the bubble shows what is being said, firm and faint, and how loud", () => {
  const bubble = bubbleOf(listening, true, said, 0.51, "en");
  expect(bubble).toEqual({
    tone: "listen",
    status: "Listening",
    firm: "Ask",
    faint: " not",
    language: "en",
    level: 0.5,
  });
});

test("once nobody speaks any more it shows what is typed", () => {
  const done = fold(begin(noCaptions), final(1, "Ask not.")).utterances[0];
  expect(bubbleOf(listening, false, done, 0.5, "es")).toMatchObject({
    tone: "type",
    status: "Escribiendo…",
    firm: "Ask not.",
    level: 0,
  });
});

test("it says when the server is away that nothing is lost, and what to do when it stays away", () => {
  const away = after(...opened, lost, { type: "timeout" }, lost);
  expect(bubbleOf(away, true, said, 0, "en")).toMatchObject({
    tone: "wait",
    status: "Reconnecting… Trying again; the last minute of what you say is kept.",
    firm: "Ask",
  });
  const locked = after(...opened, { type: "closed", code: 1008 });
  expect(bubbleOf(locked, false, undefined, 0, "en")).toMatchObject({
    tone: "error",
    status: "The server refused the session. Check the settings, then press Start.",
  });
});

test("the microphone and the server are waited for in words", () => {
  expect(bubbleOf(after({ type: "start" }), true, undefined, 0, "en")).toMatchObject({
    tone: "wait",
    status: "Opening the microphone…",
  });
});

test("which texts are shown is chosen, and without a translation it is what is spoken", () => {
  const looks = (target: string, show: Settings["subtitles"]["show"]) => {
    const { spoken, translation } = looksOf({ ...DEFAULTS, target, subtitles: { ...DEFAULTS.subtitles, show } });
    return [spoken?.language, translation?.language];
  };
  expect(looks("es", "both")).toEqual(["", "es"]);
  expect(looks("es", "spoken")).toEqual(["", undefined]);
  expect(looks("es", "translation")).toEqual([undefined, "es"]);
  expect(looks("", "translation")).toEqual(["", undefined]);
});

test("the overlay has the texts that are shown, in their order, and how they look", () => {
  const { texts, look } = overlayOf(noSubtitles, noSubtitles, DEFAULTS.subtitles, "");
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
  expect(overlayOf(null, noSubtitles, DEFAULTS.subtitles, "").texts.map(({ kind }) => kind)).toEqual(["translation"]);
});
