/** What the desktop shell does for its windows. The preload exposes it as `window.nova`; nothing else crosses over. */

export type Platform = "linux" | "win32" | "darwin";

/** How words reach the program that has the focus. */
export type Typing = "direct" | "paste" | "none";

/** Where the server is. */
export type Place =
  /** The shell runs `nova up`. */
  { readonly kind: "here" } | { readonly kind: "address"; readonly url: string };

/** What this computer can do, and what the shell has kept. */
export interface Surroundings {
  readonly platform: Platform;
  readonly typing: Typing;
  /** Why typing, or the global shortcut, is not to be had; "" where it is. A sentence that says what to do. */
  readonly typingProblem: string;
  readonly shortcutProblem: string;
  /** Settings as JSON, as the windows kept them last; "" at the first start. */
  readonly settings: string;
  readonly hasKey: boolean;
  /** Whether `nova` is installed, so that the server can run here. */
  readonly canServe: boolean;
}

/** What the shell itself has to know of the settings. */
export interface ShellSettings {
  readonly place: Place;
  /** Electron accelerators, "" for none: held down while one speaks (where the platform tells), and pressed once. */
  readonly holdShortcut: string;
  readonly toggleShortcut: string;
  readonly subtitlesShortcut: string;
  readonly opensAtLogin: boolean;
  readonly overlay: OverlayPlace;
  /** Whether what is shown as "stream" can be read on this computer, at `captionsAddress`. */
  readonly servesCaptions: boolean;
  /** Everything, for the windows to read again. */
  readonly settings: string;
}

export interface OverlayPlace {
  readonly isLocked: boolean;
  /** CSS pixels on the screen; null: at the bottom of the screen with the pointer. */
  readonly at: { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | null;
}

/** What a person asked for by shortcut, tray, or `nova-voice --toggle`. */
export type Wish = "hold" | "release" | "toggle" | "subtitles" | "settings" | "quit";

/** What became of a text that was to be typed. */
export type Typed = { readonly ok: true; readonly by: Typing } | { readonly ok: false; readonly problem: string };

export type ServerState =
  | { readonly phase: "off" }
  | { readonly phase: "starting"; readonly line: string }
  | { readonly phase: "running"; readonly url: string }
  | { readonly phase: "failed"; readonly problem: string };

/** Something that can be heard beside a microphone. */
export interface Source {
  readonly id: string;
  readonly name: string;
  readonly kind: "system" | "window";
}

/**
 * The little windows: the preview beside the tray, and the subtitles. They draw what the main window tells them.
 * "stream" has no window: it is what another program, such as OBS, draws.
 */
export type Little = "bubble" | "overlay" | "stream";

export interface Bridge {
  surroundings: () => Promise<Surroundings>;
  keep: (settings: ShellSettings) => Promise<void>;
  /** Into the system's keychain; null forgets it. */
  keepKey: (key: string | null) => Promise<void>;
  /** The stream's address, and the key if one is kept. Waits for a server that is being started. */
  server: () => Promise<{ readonly url: string; readonly key: string | null }>;
  onServer: (listener: (state: ServerState) => void) => () => void;
  /** Into the program that has the focus. Texts are typed whole and in the order in which they are asked for. */
  type: (text: string) => Promise<Typed>;
  sources: () => Promise<readonly Source[]>;
  onWish: (listener: (wish: Wish) => void) => () => void;
  /** Have a little window draw `state` (JSON), or hide it: null. Never takes the focus. */
  show: (little: Little, state: string | null) => void;
  /** In a little window: what it is to draw. */
  onShow: (listener: (state: string) => void) => () => void;
  /** In the overlay, when unlocked and moved or resized. */
  onMoved: (listener: (place: OverlayPlace) => void) => () => void;
  /** The page with the captions for other programs on this computer; "" while they are not served. */
  captionsAddress: () => Promise<string>;
  /** https only; anything else is refused. */
  open: (url: string) => void;
}

declare global {
  /** Only in the shell's windows. */
  var nova: Bridge | undefined;
}
