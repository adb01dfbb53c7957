/** What a window sends is looked at before it is believed. Pure. Each returns what it was given, or throws TypeError. */
import type { Little, OverlayPlace, Place, ShellSettings } from "../../src/desktop/bridge";

const MOST_TEXT = 20_000;
const MOST_STATE = 1_000_000;
const MOST_KEY = 4_000;
const MOST_SHORTCUT = 100;

export function isText(value: unknown, most = MOST_TEXT): string {
  if (typeof value !== "string" || value.length > most) throw new TypeError("a text was expected");
  return value;
}

export function isKey(value: unknown): string | null {
  return value === null ? null : isText(value, MOST_KEY);
}

export function isLittle(value: unknown): Little {
  if (value !== "bubble" && value !== "overlay" && value !== "stream") throw new TypeError("no such window");
  return value;
}

export function isState(value: unknown): string | null {
  return value === null ? null : isText(value, MOST_STATE);
}

export function isSettings(value: unknown): ShellSettings {
  const given = isObject(value);
  return {
    place: isPlace(given.place),
    holdShortcut: isText(given.holdShortcut, MOST_SHORTCUT),
    toggleShortcut: isText(given.toggleShortcut, MOST_SHORTCUT),
    subtitlesShortcut: isText(given.subtitlesShortcut, MOST_SHORTCUT),
    opensAtLogin: isFlag(given.opensAtLogin),
    overlay: isOverlayPlace(given.overlay),
    servesCaptions: isFlag(given.servesCaptions),
    settings: isText(given.settings, MOST_STATE),
  };
}

/** The steps of a drag, in CSS pixels. */
export function isDrag(value: unknown): { readonly how: "move" | "size"; readonly dx: number; readonly dy: number } {
  const { how, dx, dy } = isObject(value);
  if (how !== "move" && how !== "size") throw new TypeError("no such drag");
  return { how, dx: isNumber(dx), dy: isNumber(dy) };
}

function isPlace(value: unknown): Place {
  const { kind, url } = isObject(value);
  if (kind === "here") return { kind };
  if (kind === "address") return { kind, url: isText(url) };
  throw new TypeError("no such place");
}

function isOverlayPlace(value: unknown): OverlayPlace {
  const { isLocked, at } = isObject(value);
  if (at === null) return { isLocked: isFlag(isLocked), at };
  const { x, y, width, height } = isObject(at);
  return {
    isLocked: isFlag(isLocked),
    at: { x: isNumber(x), y: isNumber(y), width: isNumber(width), height: isNumber(height) },
  };
}

function isObject(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new TypeError("an object was expected");
  return value as Record<string, unknown>;
}

function isFlag(value: unknown): boolean {
  if (typeof value !== "boolean") throw new TypeError("true or false was expected");
  return value;
}

function isNumber(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value) || Math.abs(value) > 100_000) throw new TypeError("a number was expected");
  return value;
}
