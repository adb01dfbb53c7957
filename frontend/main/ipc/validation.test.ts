import { expect, test } from "vitest";
import { shellSettings as settings } from "../testing/shell-settings";
import { parseDrag, parseKey, parseOverlayTarget, parseRoomRequest, parseShellSettings, parseText } from "./validation";

test("valid settings are accepted, without unknown fields", () => {
  expect(parseShellSettings({ ...settings, more: 1 })).toEqual(settings);
  const at = { x: -5, y: 0.5, width: 3, height: 4 };
  expect(
    parseShellSettings({ ...settings, place: { kind: "here" }, overlay: { isLocked: false, at } }).overlay.at,
  ).toEqual(at);
});

test("requests about links of a room are accepted, and no others", () => {
  const create = { method: "POST", path: "rooms/talk-7/links?name=page&expires_s=60&scope=read" };
  const revoke = { method: "DELETE", path: "rooms/talk-7/links/0a1b2c" };
  expect([parseRoomRequest(create), parseRoomRequest({ ...revoke, key: "x" })]).toEqual([create, revoke]);
  for (const path of ["rooms/a/lines/b", "rooms/../speakers", "//evil.example/links/1", "rooms/a/links/../x", 7])
    expect(() => parseRoomRequest({ method: "POST", path })).toThrow(TypeError);
  expect(() => parseRoomRequest({ ...create, method: "GET" })).toThrow(TypeError);
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
