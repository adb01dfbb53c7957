/** Validates what windows send. Pure. Each function returns the valid value, or throws TypeError. */
import type { OverlayPlacement, OverlayTarget, ServerLocation, ShellSettings } from "../../src/desktop/bridge";
import type { RoomRequest } from "../../src/page/sharing/room-requests";

// Limits in characters, far above what our own pages send.
const MAX_TEXT = 20_000;
const MAX_CONTENT = 1_000_000;
const MAX_KEY = 4_000;
const MAX_SHORTCUT = 100;
const MAX_PIXELS = 100_000;

export function parseText(value: unknown, maxLength = MAX_TEXT): string {
  if (typeof value !== "string" || value.length > maxLength) throw new TypeError("expected a string");
  return value;
}

export function parseKey(value: unknown): string | null {
  return value === null ? null : parseText(value, MAX_KEY);
}

export function parseOverlayTarget(value: unknown): OverlayTarget {
  if (value !== "bubble" && value !== "overlay" && value !== "stream") throw new TypeError("unknown overlay");
  return value;
}

export function parseContent(value: unknown): string | null {
  return value === null ? null : parseText(value, MAX_CONTENT);
}

const ROOM_PATH = /^rooms\/[a-z0-9-]{1,48}\/links(?:\/[0-9a-f]{1,40}|\?[\w=&]{1,200})$/;

/** Only requests about links: the key of the user must not be sent with others. */
export function parseRoomRequest(value: unknown): RoomRequest {
  const { method, path } = parseObject(value);
  if (method !== "POST" && method !== "DELETE") throw new TypeError("unknown method");
  if (typeof path !== "string" || !ROOM_PATH.test(path)) throw new TypeError("unknown path");
  return { method, path };
}

export function parseShellSettings(value: unknown): ShellSettings {
  const settings = parseObject(value);
  return {
    place: parseServerLocation(settings.place),
    holdShortcut: parseText(settings.holdShortcut, MAX_SHORTCUT),
    toggleShortcut: parseText(settings.toggleShortcut, MAX_SHORTCUT),
    subtitlesShortcut: parseText(settings.subtitlesShortcut, MAX_SHORTCUT),
    opensAtLogin: parseBoolean(settings.opensAtLogin),
    overlay: parseOverlayPlacement(settings.overlay),
    servesCaptions: parseBoolean(settings.servesCaptions),
    settings: parseText(settings.settings, MAX_CONTENT),
  };
}

/** A step of a drag, in CSS pixels. */
export interface DragStep {
  readonly how: "move" | "size";
  readonly dx: number;
  readonly dy: number;
}

export function parseDrag(value: unknown): DragStep {
  const { how, dx, dy } = parseObject(value);
  if (how !== "move" && how !== "size") throw new TypeError("unknown kind of drag");
  return { how, dx: parseNumber(dx), dy: parseNumber(dy) };
}

function parseServerLocation(value: unknown): ServerLocation {
  const { kind, url } = parseObject(value);
  if (kind === "here") return { kind };
  if (kind === "address") return { kind, url: parseText(url) };
  throw new TypeError("unknown kind of server location");
}

function parseOverlayPlacement(value: unknown): OverlayPlacement {
  const { isLocked, at } = parseObject(value);
  if (at === null) return { isLocked: parseBoolean(isLocked), at };
  const { x, y, width, height } = parseObject(at);
  return {
    isLocked: parseBoolean(isLocked),
    at: { x: parseNumber(x), y: parseNumber(y), width: parseNumber(width), height: parseNumber(height) },
  };
}

function parseObject(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new TypeError("expected an object");
  return value as Record<string, unknown>;
}

function parseBoolean(value: unknown): boolean {
  if (typeof value !== "boolean") throw new TypeError("expected a boolean");
  return value;
}

function parseNumber(value: unknown): number {
  const isValid = typeof value === "number" && Number.isFinite(value) && Math.abs(value) <= MAX_PIXELS;
  if (!isValid) throw new TypeError("expected a number");
  return value;
}
