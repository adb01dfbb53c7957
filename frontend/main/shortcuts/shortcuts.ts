/** Global shortcuts: hold to talk, start and stop, subtitles. */
import { globalShortcut } from "electron";
import type { ShellSettings, UserAction } from "../../src/desktop/bridge";
import { untilReleased } from "./hold-to-talk";
import type { ShellTexts } from "../i18n/texts";

type ShortcutSettings = Pick<ShellSettings, "holdShortcut" | "toggleShortcut" | "subtitlesShortcut">;

export interface KeyReader {
  /** Whether the platform reports which keys are down. */
  canReadKeys: () => Promise<boolean>;
  keysDown: () => Promise<readonly number[]>;
}

export class Shortcuts {
  readonly #texts: ShellTexts;
  readonly #keys: KeyReader;
  readonly #perform: (wish: UserAction) => void;
  #isHolding = false;
  #canHold = false;
  /** Why a shortcut does not work, or not completely; "" for no problem. */
  problem = "";

  constructor(texts: ShellTexts, keys: KeyReader, perform: (action: UserAction) => void) {
    this.#texts = texts;
    this.#keys = keys;
    this.#perform = perform;
  }

  /** Replaces all shortcuts. */
  async set(shortcuts: ShortcutSettings, isWayland: boolean): Promise<void> {
    globalShortcut.unregisterAll();
    if (isWayland) {
      this.problem = this.#texts.waylandShortcut;
      return;
    }
    const taken = [
      [shortcuts.holdShortcut, () => this.#hold()] as const,
      [shortcuts.toggleShortcut, () => this.#perform("toggle")] as const,
      [shortcuts.subtitlesShortcut, () => this.#perform("subtitles")] as const,
    ].filter(([accelerator, callback]) => accelerator !== "" && !register(accelerator, callback));
    this.#canHold = await this.#keys.canReadKeys();
    this.problem = [
      ...taken.map(([accelerator]) => `${this.#texts.shortcutTaken} ${accelerator}.`),
      ...(shortcuts.holdShortcut !== "" && !this.#canHold ? [this.#texts.noHolding] : []),
    ].join(" ");
  }

  /** Starts immediately, so that the first word is complete. A held key repeats; only its first press counts. */
  #hold(): void {
    if (this.#isHolding) return;
    this.#perform(this.#canHold ? "hold" : "toggle");
    if (!this.#canHold) return;
    this.#isHolding = true;
    // Shortcut callbacks run outside Node's event loop; setImmediate wakes it, so that promises continue.
    setImmediate(() => void this.#untilReleased());
  }

  async #untilReleased(): Promise<void> {
    await untilReleased(() => this.#keys.keysDown()).catch(() => undefined);
    this.#isHolding = false;
    this.#perform("release");
  }
}

/** Returns false if another program uses the shortcut, or if it is invalid. */
function register(accelerator: string, callback: () => void): boolean {
  try {
    return globalShortcut.register(accelerator, callback);
  } catch {
    return false;
  }
}
