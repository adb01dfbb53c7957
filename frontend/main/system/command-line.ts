/** `nova-voice --toggle` and the like: said to the program that runs already. Pure. */
import type { Wish } from "../../src/desktop/bridge";

const WISHES: readonly Wish[] = ["toggle", "subtitles", "settings", "quit"];

/** Null: none was named. */
export function wishOf(given: readonly string[]): Wish | null {
  return WISHES.find((wish) => given.includes(`--${wish}`)) ?? null;
}

/** Started with the computer, it shows no window. */
export const HIDDEN = "--hidden";
