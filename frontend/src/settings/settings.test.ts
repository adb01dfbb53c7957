import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_COMMANDS } from "../dictation/commands";
import {
  DEFAULT_SETTINGS,
  toShellSettings,
  sessionOptions,
  parseSettings,
  serializeSettings,
  type Settings,
  type SubtitleSettings,
} from "./settings";

const SCREEN = { width: 1_000, height: 600 };

const custom: Settings = {
  ...DEFAULT_SETTINGS,
  language: "es",
  target: "en",
  mode: "dictation",
  dictionary: "Nova Voice",
  commands: { ...DEFAULT_COMMANDS, en: { new_line: ["next"] } },
  subtitles: { ...DEFAULT_SETTINGS.subtitles, lines: 1, color: "#ffff00", isSteady: true },
};

test("settings are serialized and parsed without loss", () => {
  expect(parseSettings(serializeSettings(custom))).toEqual(custom);
});

test("the API key is not serialized", () => {
  expect(serializeSettings({ ...custom, key: "secret" })).not.toContain("secret");
});

test("unknown settings are ignored, and invalid ones get their defaults", () => {
  const text = JSON.stringify({
    ...custom,
    mode: "unknown",
    target: 5,
    unknown: "red",
    subtitles: { lines: 99, size: 40, color: null },
  });
  expect(parseSettings(text)).toEqual({
    ...custom,
    mode: "captions",
    target: "",
    subtitles: { ...DEFAULT_SETTINGS.subtitles, size: 40 },
  });
});

test("any text can be parsed", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(Object.keys(parseSettings(text))).toEqual(Object.keys(DEFAULT_SETTINGS));
    }),
  );
});

test("typing while speaking requests stable finals, except for translations", () => {
  const finals = (settings: Settings) => sessionOptions(settings).finals;
  expect(finals(custom)).toBe("revise");
  expect(finals({ ...custom, typesWhileSpeaking: true })).toBe("stable");
  expect(finals({ ...custom, typesWhileSpeaking: true, typesTranslation: true })).toBe("revise");
  expect(finals({ ...custom, typesWhileSpeaking: true, mode: "captions" })).toBe("revise");
  expect(sessionOptions(custom)).toMatchObject({ language: "es", translate_to: ["en"], hotwords: "Nova Voice" });
});

test("turns are requested for transcripts, and not for typed text", () => {
  const wanted = { ...DEFAULT_SETTINGS, turns: true };
  expect(sessionOptions(wanted).turn_threshold).toBe(0.7);
  expect(sessionOptions({ ...wanted, mode: "dictation" })).not.toHaveProperty("turn_threshold");
  expect(sessionOptions(DEFAULT_SETTINGS)).not.toHaveProperty("turn_threshold");
});

test("speakers are requested for transcripts, with the enrolled voices, and not for typed text", () => {
  const wanted = { ...DEFAULT_SETTINGS, speakers: true, onlySpeaker: "Anna" };
  const names = Array.from({ length: 25 }, (_, index) => `Voice ${index}`);
  expect(sessionOptions(wanted, names)).toMatchObject({
    speakers: true,
    known_speakers: names.slice(0, 20),
    only_speaker: "Anna",
  });
  expect(sessionOptions({ ...wanted, mode: "dictation" }, names)).not.toHaveProperty("known_speakers");
  expect(sessionOptions(DEFAULT_SETTINGS, names)).toEqual({ ...sessionOptions(DEFAULT_SETTINGS), speakers: false });
});

test("the shell gets the overlay's position, unless it chooses the position itself", () => {
  const at = { x: 5, y: 6, width: 700, height: 90 };
  const placed = (subtitles: Partial<SubtitleSettings>) =>
    toShellSettings({ ...DEFAULT_SETTINGS, subtitles: { ...DEFAULT_SETTINGS.subtitles, ...subtitles } }, SCREEN)
      .overlay;
  expect(placed({})).toEqual({ isLocked: true, at: null });
  expect(placed(at).at).toBeNull();
  expect(placed({ ...at, position: "free" }).at).toEqual(at);
  expect(placed({ position: "top", lines: 2, size: 30 }).at).toEqual({ x: 150, y: 0, width: 700, height: 204 });
  expect(toShellSettings({ ...DEFAULT_SETTINGS, server: "wss://voice.example" }, SCREEN).place).toEqual({
    kind: "address",
    url: "wss://voice.example",
  });
});
