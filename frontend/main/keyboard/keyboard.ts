/** A keyboard that the program controls, to type into other programs. */

/** On Linux, marked text is a second clipboard: the primary selection. */
export type ClipboardName = "clipboard" | "selection";

/** Nothing of the text has been typed, so another method may be tried. */
export class CannotType extends Error {
  override readonly name = "CannotType";
}

export interface Keyboard {
  /**
   * Types the complete text into the focused program.
   *
   * @throws CannotType before the first letter if it cannot type all of them.
   */
  type?: (text: string) => Promise<void>;
  /** Presses the keys that paste in most programs, including terminals. */
  pressPaste: () => Promise<void>;
  /** Returns the platform-specific codes of all keys that are down. */
  keysDown?: () => Promise<readonly number[]>;
  /** Whether Shift, Ctrl, Alt or another modifier is down: letters would become commands. */
  modifiersDown?: () => Promise<boolean>;
  /** Names the formats of a clipboard's content, where the platform knows more of them than Electron does. */
  clipboardFormats?: (board: ClipboardName) => Promise<readonly string[]>;
  /** False after the connection was lost. */
  readonly isOpen?: boolean;
  close: () => void;
}

/** Removes control characters: a malicious server must not be able to press Escape in a terminal. */
export function sanitizeText(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")

    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
}
