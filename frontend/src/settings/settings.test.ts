import fc from "fast-check";
import { expect, test } from "vitest";
import { COMMANDS } from "../dictation/commands";
import {
  DEFAULTS,
  forShell,
  optionsOf,
  parseSettings,
  settingsText,
  type Settings,
  type SubtitleSettings,
} from "./settings";

const SCREEN = { width: 1_000, height: 600 };

const mine: Settings = {
  ...DEFAULTS,
  language: "es",
  target: "en",
  mode: "dictation",
  dictionary: "Nova Voice",
  commands: { ...COMMANDS, en: { new_line: ["next"] } },
  subtitles: { ...DEFAULTS.subtitles, lines: 1, color: "#ffff00", isSteady: true },
};

test("what is written down is read as it was", () => {
  expect(parseSettings(settingsText(mine))).toEqual(mine);
});

test("the key is never written down", () => {
  expect(settingsText({ ...mine, key: "secret" })).not.toContain("secret");
});

test("what another release wrote, or nobody could choose, is as at the beginning", () => {
  const text = JSON.stringify({
    ...mine,
    mode: "juggling",
    target: 5,
    shoes: "red",
    subtitles: { lines: 99, size: 40, color: null },
  });
  expect(parseSettings(text)).toEqual({
    ...mine,
    mode: "captions",
    target: "",
    subtitles: { ...DEFAULTS.subtitles, size: 40 },
  });
});

test("any text gives settings", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(Object.keys(parseSettings(text))).toEqual(Object.keys(DEFAULTS));
    }),
  );
});

test("typing while speaking asks for finals that begin with what was typed; a translation needs none", () => {
  const finals = (settings: Settings) => optionsOf(settings).finals;
  expect(finals(mine)).toBe("revise");
  expect(finals({ ...mine, typesWhileSpeaking: true })).toBe("stable");
  expect(finals({ ...mine, typesWhileSpeaking: true, typesTranslation: true })).toBe("revise");
  expect(finals({ ...mine, typesWhileSpeaking: true, mode: "captions" })).toBe("revise");
  expect(optionsOf(mine)).toMatchObject({ language: "es", translate_to: ["en"], hotwords: "Nova Voice" });
});

test("the shell is told where the overlay stands unless it stands where the shell puts it", () => {
  const at = { x: 5, y: 6, width: 700, height: 90 };
  const placed = (subtitles: Partial<SubtitleSettings>) =>
    forShell({ ...DEFAULTS, subtitles: { ...DEFAULTS.subtitles, ...subtitles } }, SCREEN).overlay;
  expect(placed({})).toEqual({ isLocked: true, at: null });
  expect(placed(at).at).toBeNull();
  expect(placed({ ...at, position: "free" }).at).toEqual(at);
  expect(placed({ position: "top", lines: 2, size: 30 }).at).toEqual({ x: 150, y: 0, width: 700, height: 204 });
  expect(forShell({ ...DEFAULTS, server: "wss://voice.example" }, SCREEN).place).toEqual({
    kind: "address",
    url: "wss://voice.example",
  });
});
