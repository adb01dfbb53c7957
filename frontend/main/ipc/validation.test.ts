import { expect, test } from "vitest";
import { shellSettings as settings } from "../testing/shell-settings";
import { parseDrag, parseKey, parseOverlayTarget, parseShellSettings, parseText } from "./validation";

test("valid settings are accepted, without unknown fields", () => {
  expect(parseShellSettings({ ...settings, more: 1 })).toEqual(settings);
  const at = { x: -5, y: 0.5, width: 3, height: 4 };
  expect(
    parseShellSettings({ ...settings, place: { kind: "here" }, overlay: { isLocked: false, at } }).overlay.at,
  ).toEqual(at);
});

test("values of another type are rejected", () => {
  for (const name of Object.keys(settings)) {
    expect(() => parseShellSettings({ ...settings, [name]: 7 })).toThrow(TypeError);
  }
  expect(() => parseShellSettings(null)).toThrow(TypeError);
  expect(() =>
    parseShellSettings({ ...settings, overlay: { isLocked: true, at: { x: NaN, y: 0, width: 1, height: 1 } } }),
  ).toThrow();
  for (const wrong of [undefined, 1, {}, "x".repeat(20_001)]) expect(() => parseText(wrong)).toThrow(TypeError);
  expect(() => parseKey({})).toThrow(TypeError);
  expect(() => parseOverlayTarget("main")).toThrow(TypeError);
  expect(() => parseDrag({ how: "close", dx: 1, dy: 1 })).toThrow(TypeError);
});
