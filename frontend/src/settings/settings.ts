/** What a person can choose, and what of it a shell has to know. */
import type { OverlayPlace, ShellSettings } from "../desktop/bridge";
import { ACTIONS, COMMANDS, type Commands } from "../dictation/commands";
import { hotwords, parseDictionary } from "../dictation/dictionary";
import type { Start } from "../../client/src/protocol/messages";

export const MODES = ["captions", "dictation"] as const;
export const THEMES = ["system", "light", "dark"] as const;
export const SHOWS = ["both", "spoken", "translation"] as const;
export const POSITIONS = ["bottom", "top", "free"] as const;

export interface SubtitleSettings {
  readonly show: (typeof SHOWS)[number];
  /** Of each text. */
  readonly lines: number;
  /** Height of the letters, in CSS pixels. */
  readonly size: number;
  readonly color: string;
  readonly background: string;
  /** Of the background, in percent. */
  readonly opacity: number;
  readonly position: (typeof POSITIONS)[number];
  /** Columns a second that people read. */
  readonly pace: number;
  readonly isSteady: boolean;
  readonly isLocked: boolean;
  readonly isOnScreen: boolean;
  /** Whether other programs on this computer may read them. */
  readonly isServed: boolean;
  /** Where it was dragged to, in CSS pixels; a width of 0: nowhere yet. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Settings {
  /** A device id; "" is the system's default. */
  readonly microphone: string;
  /** A language code, or "auto". */
  readonly language: string;
  /** A language code; "" is no translation. */
  readonly target: string;
  /** For a server that lets nobody in without; "" is none. Kept apart from the others. */
  readonly key: string;
  readonly mode: (typeof MODES)[number];
  readonly typesWhileSpeaking: boolean;
  readonly typesTranslation: boolean;
  readonly hasCommands: boolean;
  readonly commands: Commands;
  /** One on a line, see dictionary.ts. */
  readonly dictionary: string;
  /** Whether the microphone stays open between dictations, so that the first word is whole. */
  readonly isReady: boolean;
  readonly holdShortcut: string;
  readonly toggleShortcut: string;
  readonly subtitlesShortcut: string;
  readonly subtitles: SubtitleSettings;
  readonly keepsHistory: boolean;
  readonly theme: (typeof THEMES)[number];
  /** Of the interface; "" is the system's. */
  readonly locale: string;
  readonly opensAtLogin: boolean;
  /** "" is this computer. */
  readonly server: string;
  readonly isSetUp: boolean;
}

export const DEFAULTS: Settings = {
  microphone: "",
  language: "auto",
  target: "",
  key: "",
  mode: "captions",
  typesWhileSpeaking: false,
  typesTranslation: false,
  hasCommands: true,
  commands: COMMANDS,
  dictionary: "",
  isReady: true,
  holdShortcut: "CommandOrControl+Alt+Space",
  toggleShortcut: "CommandOrControl+Alt+D",
  subtitlesShortcut: "CommandOrControl+Alt+S",
  subtitles: {
    show: "both",
    lines: 2,
    size: 30,
    color: "#ffffff",
    background: "#000000",
    opacity: 65,
    position: "bottom",
    pace: 17,
    isSteady: false,
    isLocked: true,
    isOnScreen: true,
    isServed: false,
    x: 0,
    y: 0,
    width: 0,
    height: 0,
  },
  keepsHistory: true,
  theme: "system",
  locale: "",
  opensAtLogin: false,
  server: "",
  isSetUp: false,
};

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  mode: MODES,
  theme: THEMES,
  show: SHOWS,
  position: POSITIONS,
};
const LIMITS: Readonly<Record<string, readonly [number, number]>> = {
  lines: [1, 4],
  size: [14, 96],
  opacity: [0, 100],
  pace: [8, 40],
};

/** Settings as they were written, by this release or another: what it does not know or cannot be is as at the beginning. */
export function parseSettings(text: string): Settings {
  const kept = parsed(text);
  const settings = merged(DEFAULTS, kept);
  const subtitles = merged(DEFAULTS.subtitles, isRecord(kept.subtitles) ? kept.subtitles : {});
  return { ...settings, subtitles, commands: commandsIn(kept.commands) };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const kept: unknown = JSON.parse(text);
    return isRecord(kept) ? kept : {};
  } catch {
    return {};
  }
}

function merged<T extends object>(defaults: T, kept: Record<string, unknown>): T {
  const entries = Object.entries(defaults).map(([name, usual]) => [
    name,
    isValid(name, usual, kept[name]) ? kept[name] : (usual as unknown),
  ]);
  return Object.fromEntries(entries) as T;
}

function isValid(name: string, usual: unknown, value: unknown): boolean {
  if (typeof value !== typeof usual || typeof value === "object") return false;
  const [least, most] = LIMITS[name] ?? [-Infinity, Infinity];
  if (typeof value === "number") return value >= least && value <= most;
  return CHOICES[name]?.includes(value as string) ?? true;
}

function commandsIn(kept: unknown): Commands {
  if (!isRecord(kept)) return COMMANDS;
  const changed = Object.entries(kept).map(([language, phrases]) => {
    const entries = Object.entries(isRecord(phrases) ? phrases : {}).filter(
      ([action, words]) =>
        ACTIONS.some((other) => other === action) &&
        Array.isArray(words) &&
        words.every((word) => typeof word === "string"),
    );
    return [language, Object.fromEntries(entries)] as const;
  });
  return { ...COMMANDS, ...Object.fromEntries(changed) };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What is written down; the key never stands there. */
export function settingsText(settings: Settings): string {
  return JSON.stringify(settings, (name, value: unknown) => (name === "key" ? undefined : value));
}

type Options = Required<Pick<Start, "language" | "translate_to" | "mode" | "finals" | "hotwords">>;

/** What a server is told of them. */
export function optionsOf(settings: Settings): Options {
  const { language, target, mode, typesWhileSpeaking, typesTranslation, dictionary } = settings;
  const isTypedAsSpoken = mode === "dictation" && typesWhileSpeaking && !(typesTranslation && target !== "");
  return {
    language,
    translate_to: target === "" ? [] : [target],
    mode,
    finals: isTypedAsSpoken ? "stable" : "revise",
    hotwords: hotwords(parseDictionary(dictionary)),
  };
}

export interface Screen {
  readonly width: number;
  readonly height: number;
}

/** What the shell is told of them; `screen` in CSS pixels. */
export function forShell(settings: Settings, screen: Screen): ShellSettings {
  const { isLocked, isServed } = settings.subtitles;
  const place =
    settings.server === "" ? ({ kind: "here" } as const) : ({ kind: "address", url: settings.server } as const);
  return {
    place,
    holdShortcut: settings.holdShortcut,
    toggleShortcut: settings.toggleShortcut,
    subtitlesShortcut: settings.subtitlesShortcut,
    opensAtLogin: settings.opensAtLogin,
    overlay: { isLocked, at: placeOf(settings.subtitles, screen) },
    servesCaptions: isServed,
    settings: settingsText(settings),
  };
}

/** Null: where the shell puts it, at the bottom. */
function placeOf({ position, x, y, width, height, lines, size }: SubtitleSettings, screen: Screen): OverlayPlace["at"] {
  if (position === "free") return width > 0 ? { x, y, width, height } : null;
  if (position === "bottom") return null;
  const side = Math.round(screen.width * 0.15);
  // Two texts with their lines, and a little air.
  return { x: side, y: 0, width: screen.width - 2 * side, height: Math.round(size * (2 * 1.4 * lines + 1.2)) };
}
