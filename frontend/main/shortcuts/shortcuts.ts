/** Global shortcuts: one to hold while one speaks, one to begin and to end, one for the subtitles. */
import { globalShortcut } from "electron";
import type { ShellSettings, Wish } from "../../src/desktop/bridge";
import { released } from "./hold-to-talk";
import type { Words } from "../i18n/texts";

type Wanted = Pick<ShellSettings, "holdShortcut" | "toggleShortcut" | "subtitlesShortcut">;

/** The keys that are held. */
export interface Keys {
  /** Whether anything tells. */
  tellsKeys: () => Promise<boolean>;
  keysDown: () => Promise<readonly number[]>;
}

export class Shortcuts {
  readonly #words: Words;
  readonly #keys: Keys;
  readonly #wish: (wish: Wish) => void;
  #isHolding = false;
  #canHold = false;
  /** Why one is not to be had, or not as it should be; "" where all are. */
  problem = "";

  constructor(words: Words, keys: Keys, wish: (wish: Wish) => void) {
    this.#words = words;
    this.#keys = keys;
    this.#wish = wish;
  }

  /** In place of those that were set before. */
  async set(wanted: Wanted, isWayland: boolean): Promise<void> {
    globalShortcut.unregisterAll();
    if (isWayland) {
      this.problem = this.#words.waylandShortcut;
      return;
    }
    const taken = [
      [wanted.holdShortcut, () => { this.#hold(); }] as const,
      [wanted.toggleShortcut, () => { this.#wish("toggle"); }] as const,
      [wanted.subtitlesShortcut, () => { this.#wish("subtitles"); }] as const,
    ].filter(([accelerator, then]) => accelerator !== "" && !register(accelerator, then));
    this.#canHold = await this.#keys.tellsKeys();
    this.problem = [
      ...taken.map(([accelerator]) => `${this.#words.shortcutTaken} ${accelerator}.`),
      ...(wanted.holdShortcut !== "" && !this.#canHold ? [this.#words.noHolding] : []),
    ].join(" ");
  }

  /** At once, so that no first word is cut. A held key repeats; only its first press counts. */
  #hold(): void {
    if (this.#isHolding) return;
    this.#wish(this.#canHold ? "hold" : "toggle");
    if (!this.#canHold) return;
    this.#isHolding = true;
    // A shortcut comes from outside Node's loop, which must be woken before a promise goes on.
    setImmediate(() => void this.#untilReleased());
  }

  async #untilReleased(): Promise<void> {
    await released(() => this.#keys.keysDown()).catch(() => undefined);
    this.#isHolding = false;
    this.#wish("release");
  }
}

/** False where another program has it, or it is none. */
function register(accelerator: string, then: () => void): boolean {
  try {
    return globalShortcut.register(accelerator, then);
  } catch {
    return false;
  }
}
