/** What the Electron shell offers its windows as `window.nova`. The preload script exposes it, and nothing else. */

export type Platform = "linux" | "win32" | "darwin";

/** How text reaches the focused program. */
export type TypingMethod = "direct" | "paste" | "none";

export type ServerLocation =
  /** The shell runs `nova up` on this computer. */
  { readonly kind: "here" } | { readonly kind: "address"; readonly url: string };

/** What this computer can do, and what the shell has stored. */
export interface DesktopEnvironment {
  readonly platform: Platform;
  readonly typingMethod: TypingMethod;
  /** Why typing or global shortcuts do not work, and what to do about it; "" if they work. */
  readonly typingProblem: string;
  readonly shortcutProblem: string;
  /** The stored settings as JSON; "" at the first start. */
  readonly settings: string;
  readonly hasKey: boolean;
  /** Whether `nova` is installed, so that the server can run on this computer. */
  readonly canServe: boolean;
}

/** The settings that the shell needs. Their names are those of its settings file. */
export interface ShellSettings {
  readonly place: ServerLocation;
  /** Electron accelerators; "" for none. Held while speaking, where the platform reports key releases. */
  readonly holdShortcut: string;
  readonly toggleShortcut: string;
  readonly subtitlesShortcut: string;
  readonly opensAtLogin: boolean;
  readonly overlay: OverlayPlacement;
  /** Whether other programs can show the subtitles, at `captionsAddress`. */
  readonly servesCaptions: boolean;
  /** All settings as JSON, for the windows. */
  readonly settings: string;
}

export interface OverlayPlacement {
  readonly isLocked: boolean;
  /** CSS pixels on the screen; null for the bottom of the screen that has the pointer. */
  readonly at: { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | null;
}

/** Requested by a shortcut, the tray menu, or a command such as `nova-voice --toggle`. */
export type UserAction = "hold" | "release" | "toggle" | "subtitles" | "settings" | "quit";

export type TypingResult =
  { readonly ok: true; readonly by: TypingMethod } | { readonly ok: false; readonly problem: string };

export type ServerState =
  | { readonly phase: "off" }
  | { readonly phase: "starting"; readonly line: string }
  | { readonly phase: "running"; readonly url: string }
  | { readonly phase: "failed"; readonly problem: string };

/** Audio of the whole computer, or of one window. */
export interface DesktopAudioSource {
  readonly id: string;
  readonly name: string;
  readonly kind: "system" | "window";
}

/** The dictation bubble, the subtitle overlay, and the subtitles that other programs show; "stream" has no window. */
export type OverlayTarget = "bubble" | "overlay" | "stream";

export interface ShellBridge {
  environment: () => Promise<DesktopEnvironment>;
  saveSettings: (settings: ShellSettings) => Promise<void>;
  /** Stores the API key in the system's keychain; null removes it. */
  saveKey: (key: string | null) => Promise<void>;
  /** Resolves to the stream's URL and the stored key. Waits for a server that is starting. */
  server: () => Promise<{ readonly url: string; readonly key: string | null }>;
  onServerState: (listener: (state: ServerState) => void) => () => void;
  /** Types into the focused program. Texts are typed completely, in the order of the calls. */
  typeText: (text: string) => Promise<TypingResult>;
  audioSources: () => Promise<readonly DesktopAudioSource[]>;
  onUserAction: (listener: (action: UserAction) => void) => () => void;
  /** Draws `content` (JSON), or hides the window if null. Never takes the focus. */
  showOverlay: (target: OverlayTarget, content: string | null) => void;
  /** In an overlay window: its content. */
  onOverlayContent: (listener: (content: string) => void) => () => void;
  /** The user moved or resized the unlocked overlay. */
  onOverlayMoved: (listener: (placement: OverlayPlacement) => void) => () => void;
  /** The page with the subtitles for other programs on this computer; "" while they are not served. */
  captionsAddress: () => Promise<string>;
  /** Names of the voices that are enrolled with the key on the server; none if it cannot be asked. */
  voices: () => Promise<readonly string[]>;
  /** Opens an https URL in the browser; all others are refused. */
  openExternal: (url: string) => void;
}

declare global {
  /** Defined only in windows of the desktop client. */
  var nova: ShellBridge | undefined;
}
