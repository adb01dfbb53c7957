/** A keyboard that a program presses. */

/** The selection is what is marked, on Linux, and pasted there as well. */
export type Board = "clipboard" | "selection";

/** Nothing of the text has been typed, so another way may be tried. */
export class Untypable extends Error {
  override readonly name = "Untypable";
}

export interface Keyboard {
  /** Types the text into the program that has the focus, whole. Throws Untypable where it cannot, before the first letter. */
  type?: (text: string) => Promise<void>;
  /** Presses what pastes the clipboard in most programs, terminals among them. */
  pressPaste: () => Promise<void>;
  /** The keys that a person holds down now, by numbers that mean something to this platform only. */
  keysDown?: () => Promise<readonly number[]>;
  /** Those of them with which a letter would become a command: Shift, Ctrl, Alt and the like. */
  modifiersDown?: () => Promise<boolean>;
  /** What the clipboard or the selection can be had as, by name, where this tells more than Electron does. */
  offered?: (board: Board) => Promise<readonly string[]>;
  /** False once it has gone, and another must be connected. */
  readonly isOpen?: boolean;
  close: () => void;
}

/** What may be typed: a recognizer or a server that is not what it seems must not be able to press Escape. */
export function typable(text: string): string {
  return (
    text
      .replace(/\r\n?/g, "\n")
       
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "")
  );
}
