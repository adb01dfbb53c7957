/** Types texts completely, one after the other, in the order of the calls. */
import type { TypingResult } from "../../src/desktop/bridge";
import { delay } from "../system/delay";
import type { ShellTexts } from "../i18n/texts";
import { ClipboardNotRestorable } from "./clipboard-paste";
import { sanitizeText, CannotType, type Keyboard } from "./keyboard";

const MAX_WAITING = 200;
const MODIFIER_TIMEOUT_MS = 60_000;
const POLL_INTERVAL_MS = 15;

type Problem = Extract<keyof ShellTexts, "keysHeld" | "clipboardHolds" | "tooMuch" | "notTyped" | "refused">;

/** The focused program rejects input; another method would not help. */
export class TypingRefused extends Error {
  override readonly name = "TypingRefused";
}

export interface KeyboardProvider {
  /** Returns the available keyboards, the best first. */
  keyboards: () => Promise<readonly Keyboard[]>;
  /** @throws ClipboardNotRestorable */
  paste: (text: string, keyboard: Keyboard) => Promise<void>;
}

export class TextTyper {
  readonly #provider: KeyboardProvider;
  readonly #texts: ShellTexts;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(provider: KeyboardProvider, texts: ShellTexts) {
    this.#provider = provider;
    this.#texts = texts;
  }

  /** Never rejects; problems are part of the result. */
  type(text: string): Promise<TypingResult> {
    if (this.#waiting >= MAX_WAITING) return Promise.resolve(this.#failed("tooMuch"));
    this.#waiting += 1;
    const typed = this.#last.then(() => this.#typeNow(sanitizeText(text)));
    this.#last = typed.then(() => (this.#waiting -= 1));
    return typed;
  }

  async #typeNow(text: string): Promise<TypingResult> {
    try {
      for (const keyboard of await this.#provider.keyboards()) {
        if (!(await untilModifiersReleased(keyboard))) return this.#failed("keysHeld");
        const by = await this.#typeWith(keyboard, text);
        if (by !== null) return { ok: true, by };
      }
      return this.#failed("notTyped");
    } catch (error) {
      return this.#failed(
        error instanceof ClipboardNotRestorable
          ? "clipboardHolds"
          : error instanceof TypingRefused
            ? "refused"
            : "notTyped",
      );
    }
  }

  /** Returns null if this keyboard cannot type the text; nothing has been typed then. */
  async #typeWith(keyboard: Keyboard, text: string): Promise<"direct" | "paste" | null> {
    try {
      if (keyboard.type !== undefined) {
        await keyboard.type(text);
        return "direct";
      }
    } catch (error) {
      if (!(error instanceof CannotType)) throw error;
    }
    try {
      await this.#provider.paste(text, keyboard);
      return "paste";
    } catch (error) {
      if (error instanceof CannotType) return null;
      throw error;
    }
  }

  #failed(problem: Problem): TypingResult {
    return { ok: false, problem: this.#texts[problem] };
  }
}

/** Waits until no modifier key is down, for example of the shortcut. Returns false after a timeout. */
async function untilModifiersReleased(keyboard: Keyboard): Promise<boolean> {
  for (let waited = 0; waited < MODIFIER_TIMEOUT_MS; waited += POLL_INTERVAL_MS) {
    if (!(await keyboard.modifiersDown?.())) return true;
    await delay(POLL_INTERVAL_MS);
  }
  return false;
}
