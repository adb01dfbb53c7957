/** Types texts whole, one after the other, in the order in which they were asked for; and takes nothing back. */
import type { Typed } from "../../src/desktop/bridge";
import { later } from "../system/delay";
import type { Words } from "../i18n/texts";
import { Irreplaceable } from "./clipboard-paste";
import { typable, Untypable, type Keyboard } from "./keyboard";

const MOST_WAITING = 200;
const FREE_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 15;

type Problem = Extract<keyof Words, "keysHeld" | "clipboardHolds" | "tooMuch" | "notTyped" | "refused">;

/** A keyboard that exists says no, for good. */
export class Refused extends Error {
  override readonly name = "Refused";
}

export interface Hands {
  /** The keyboards that there are, the best first. Those that cannot be had are left out. */
  keyboards: () => Promise<readonly Keyboard[]>;
  /** Throws Irreplaceable where the clipboard cannot be put back. */
  paste: (text: string, keyboard: Keyboard) => Promise<void>;
}

export class Typist {
  readonly #hands: Hands;
  readonly #words: Words;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(hands: Hands, words: Words) {
    this.#hands = hands;
    this.#words = words;
  }

  /** Never rejects: what went wrong is told. */
  type(text: string): Promise<Typed> {
    if (this.#waiting >= MOST_WAITING) return Promise.resolve(this.#failed("tooMuch"));
    this.#waiting += 1;
    const typed = this.#last.then(() => this.#typeNow(typable(text)));
    this.#last = typed.then(() => (this.#waiting -= 1));
    return typed;
  }

  async #typeNow(text: string): Promise<Typed> {
    try {
      for (const keyboard of await this.#hands.keyboards()) {
        if (!(await freed(keyboard))) return this.#failed("keysHeld");
        const by = await this.#by(keyboard, text);
        if (by !== null) return { ok: true, by };
      }
      return this.#failed("notTyped");
    } catch (error) {
      return this.#failed(error instanceof Irreplaceable ? "clipboardHolds" : error instanceof Refused ? "refused" : "notTyped");
    }
  }

  /** Null where this keyboard cannot, and nothing has been typed. */
  async #by(keyboard: Keyboard, text: string): Promise<"direct" | "paste" | null> {
    try {
      if (keyboard.type !== undefined) {
        await keyboard.type(text);
        return "direct";
      }
    } catch (error) {
      if (!(error instanceof Untypable)) throw error;
    }
    try {
      await this.#hands.paste(text, keyboard);
      return "paste";
    } catch (error) {
      if (error instanceof Untypable) return null;
      throw error;
    }
  }

  #failed(problem: Problem): Typed {
    return { ok: false, problem: this.#words[problem] };
  }
}

/** Once no key is held with which a letter would be a command, such as those of the shortcut. False: they stay held. */
async function freed(keyboard: Keyboard): Promise<boolean> {
  for (let waited = 0; waited < FREE_WITHIN_MS; waited += LOOK_EVERY_MS) {
    if (!(await keyboard.modifiersDown?.())) return true;
    await later(LOOK_EVERY_MS);
  }
  return false;
}
