/** The user's settings, and the part of them that the desktop shell needs. */
import type { OverlayPlacement, ShellSettings } from "../desktop/bridge";
import { COMMAND_ACTIONS, DEFAULT_COMMANDS, type Commands } from "../dictation/commands";
import { hotwords, parseDictionary } from "../dictation/dictionary";
import type { SessionOptions } from "../../client/src/protocol/session-options";

export const MODES = ["captions", "dictation"] as const;
export const THEMES = ["system", "light", "dark"] as const;
export const SUBTITLE_TEXTS = ["both", "spoken", "translation"] as const;
export const SUBTITLE_POSITIONS = ["bottom", "top", "free"] as const;

export interface SubtitleSettings {
  readonly show: (typeof SUBTITLE_TEXTS)[number];
  /** For each text. */
  readonly lines: number;
  /** Font size in CSS pixels. */
  readonly size: number;
  readonly color: string;
  readonly background: string;
  /** Of the background, in percent. */
  readonly opacity: number;
  readonly position: (typeof SUBTITLE_POSITIONS)[number];
  /** Reading speed, in columns per second. */
  readonly pace: number;
  /** Whether to show only text that does not change any more. */
  readonly isSteady: boolean;
  readonly isLocked: boolean;
  readonly isOnScreen: boolean;
  /** Whether other programs on this computer can show the subtitles. */
  readonly isServed: boolean;
  /** Where the user dragged the overlay to, in CSS pixels; a width of 0 means nowhere yet. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Settings {
  /** A device id; "" for the default microphone. */
  readonly microphone: string;
  /** A language code, or "auto". */
  readonly language: string;
  /** A language code; "" for no translation. */
  readonly target: string;
  /** API key; "" for none. Stored separately from the other settings. */
  readonly key: string;
  /** Whether to show who says what. */
  readonly speakers: boolean;
  /** Name of the enrolled voice that alone gives text; "" for everyone. */
  readonly onlySpeaker: string;
  /** Whether to show where speakers have finished. */
  readonly turns: boolean;
  readonly mode: (typeof MODES)[number];
  readonly typesWhileSpeaking: boolean;
  readonly typesTranslation: boolean;
  readonly hasCommands: boolean;
  readonly commands: Commands;
  /** One entry per line, see dictionary.ts. */
  readonly dictionary: string;
  /** Whether the microphone stays open between dictations, so that the first word is complete. */
  readonly isReady: boolean;
  readonly holdShortcut: string;
  readonly toggleShortcut: string;
  readonly subtitlesShortcut: string;
  readonly subtitles: SubtitleSettings;
  readonly keepsHistory: boolean;
  readonly theme: (typeof THEMES)[number];
  /** Of the transcript, in percent. */
  readonly textSize: number;
  /** Interface language; "" for that of the system. */
  readonly locale: string;
  readonly opensAtLogin: boolean;
  /** Address of the server; "" to run it on this computer. */
  readonly server: string;
  /** Whether the setup wizard was completed. */
  readonly isSetUp: boolean;
}

export const DEFAULT_SETTINGS: Settings = {
  microphone: "",
  language: "auto",
  target: "",
  key: "",
  speakers: false,
  onlySpeaker: "",
  turns: false,
  mode: "captions",
  typesWhileSpeaking: false,
  typesTranslation: false,
  hasCommands: true,
  commands: DEFAULT_COMMANDS,
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
  textSize: 100,
  locale: "",
  opensAtLogin: false,
  server: "",
  isSetUp: false,
};

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  mode: MODES,
  theme: THEMES,
  show: SUBTITLE_TEXTS,
  position: SUBTITLE_POSITIONS,
};
const LIMITS: Readonly<Record<string, readonly [number, number]>> = {
  lines: [1, 4],
  size: [14, 96],
  opacity: [0, 100],
  pace: [8, 40],
  textSize: [75, 200],
};

/** Parses stored settings of any release. Unknown settings are ignored; invalid ones get their defaults. */
export function parseSettings(text: string): Settings {
  const stored = parseRecord(text);
  const settings = mergeKnown(DEFAULT_SETTINGS, stored);
  const subtitles = mergeKnown(DEFAULT_SETTINGS.subtitles, isRecord(stored.subtitles) ? stored.subtitles : {});
  const { language, target } = settings;
  return {
    ...settings,
    language: withScript(language),
    target: withScript(target),
    subtitles,
    commands: parseCommands(stored.commands),
  };
}

/** Earlier releases stored Chinese without its script. */
const withScript = (code: string) => (code === "zh" ? "zh-Hans" : code);

function parseRecord(text: string): Record<string, unknown> {
  try {
    const stored: unknown = JSON.parse(text);
    return isRecord(stored) ? stored : {};
  } catch {
    return {};
  }
}

function mergeKnown<T extends object>(defaults: T, stored: Record<string, unknown>): T {
  const entries = Object.entries(defaults).map(([name, standard]) => [
    name,
    isValid(name, standard, stored[name]) ? stored[name] : (standard as unknown),
  ]);
  return Object.fromEntries(entries) as T;
}

function isValid(name: string, standard: unknown, value: unknown): boolean {
  if (typeof value !== typeof standard || typeof value === "object") return false;
  const [min, max] = LIMITS[name] ?? [-Infinity, Infinity];
  if (typeof value === "number") return value >= min && value <= max;
  return CHOICES[name]?.includes(value as string) ?? true;
}

function parseCommands(stored: unknown): Commands {
  if (!isRecord(stored)) return DEFAULT_COMMANDS;
  const changed = Object.entries(stored).map(([language, phrases]) => {
    const entries = Object.entries(isRecord(phrases) ? phrases : {}).filter(
      ([action, words]) =>
        COMMAND_ACTIONS.some((other) => other === action) &&
        Array.isArray(words) &&
        words.every((word) => typeof word === "string"),
    );
    return [language, Object.fromEntries(entries)] as const;
  });
  return { ...DEFAULT_COMMANDS, ...Object.fromEntries(changed) };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Serializes all settings except the key. */
export function serializeSettings(settings: Settings): string {
  return JSON.stringify(settings, (name, value: unknown) => (name === "key" ? undefined : value));
}

/**
 * @param voices Names of the enrolled voices.
 * @param room In which the session is published; "" for none.
 */
export function sessionOptions(settings: Settings, voices: readonly string[] = [], room = ""): SessionOptions {
  const { language, target, mode, typesWhileSpeaking, typesTranslation, dictionary } = settings;
  // Text that was typed from partials cannot be revised, so the final must begin with it.
  const typesPartials = mode === "dictation" && typesWhileSpeaking && !(typesTranslation && target !== "");
  return {
    language,
    translate_to: target === "" ? [] : [target],
    mode,
    finals: typesPartials ? "stable" : "revise",
    hotwords: hotwords(parseDictionary(dictionary)),
    ...speakerOptions(settings, voices),
    ...(settings.turns && mode === "captions" && { turn_threshold: TURN_THRESHOLD }),
    ...(room !== "" && { room }),
  };
}

// As in docs/howto/build-a-voice-agent.md: lower values cut more speakers off.
const TURN_THRESHOLD = 0.7;
// As many as the server accepts.
const MAX_KNOWN_SPEAKERS = 20;

/** Typed text has no place for speakers. */
function speakerOptions({ speakers, onlySpeaker, mode }: Settings, voices: readonly string[]): SessionOptions {
  const isLabelled = speakers && mode === "captions";
  return {
    speakers: isLabelled,
    ...(isLabelled && voices.length > 0 && { known_speakers: voices.slice(0, MAX_KNOWN_SPEAKERS) }),
    ...(onlySpeaker !== "" && { only_speaker: onlySpeaker }),
  };
}

/** In CSS pixels. */
export interface Screen {
  readonly width: number;
  readonly height: number;
}

/** Selects what the shell needs. */
export function toShellSettings(settings: Settings, screen: Screen): ShellSettings {
  const { isLocked, isServed } = settings.subtitles;
  const place =
    settings.server === "" ? ({ kind: "here" } as const) : ({ kind: "address", url: settings.server } as const);
  return {
    place,
    holdShortcut: settings.holdShortcut,
    toggleShortcut: settings.toggleShortcut,
    subtitlesShortcut: settings.subtitlesShortcut,
    opensAtLogin: settings.opensAtLogin,
    overlay: { isLocked, at: overlayBounds(settings.subtitles, screen) },
    servesCaptions: isServed,
    settings: serializeSettings(settings),
  };
}

/** Returns null if the shell must choose the position, at the bottom of the screen. */
function overlayBounds(
  { position, x, y, width, height, lines, size }: SubtitleSettings,
  screen: Screen,
): OverlayPlacement["at"] {
  if (position === "free") return width > 0 ? { x, y, width, height } : null;
  if (position === "bottom") return null;
  const side = Math.round(screen.width * 0.15);
  // Room for the spoken text and its translation, with a line height of 1.4 and some padding.
  return { x: side, y: 0, width: screen.width - 2 * side, height: Math.round(size * (2 * 1.4 * lines + 1.2)) };
}
