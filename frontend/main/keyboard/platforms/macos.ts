/**
 * The keyboard of macOS, controlled by Core Graphics events. Needs the Accessibility permission, see
 * injection-method.ts.
 */
import type { Keyboard } from "../keyboard";

const FRAMEWORK = "/System/Library/Frameworks/ApplicationServices.framework/ApplicationServices";
// kCGEventSourceStateHIDSystemState, kCGHIDEventTap, kCGEventFlagMaskCommand
const HARDWARE = 1;
const TAP = 0;
const COMMAND = 0x0010_0000;
// Virtual key codes. (Carbon, HIToolbox/Events.h)
const KEY = { v: 9, enter: 36, tab: 48 };
const MODIFIERS = [54, 55, 56, 58, 59, 60, 61, 62];
// Core Graphics truncates the text of an event to this many UTF-16 units.
const MAX_UNITS = 20;

export async function connect(): Promise<Keyboard> {
  const { default: koffi } = await import("koffi");
  const library = koffi.load(FRAMEWORK);
  const create = library.func("void *CGEventCreateKeyboardEvent(void *source, uint16_t key, bool down)");
  const setText = library.func(
    "void CGEventKeyboardSetUnicodeString(void *event, unsigned long length, const uint16_t *text)",
  );
  const setFlags = library.func("void CGEventSetFlags(void *event, uint64_t flags)");
  const post = library.func("void CGEventPost(uint32_t tap, void *event)");
  const release = library.func("void CFRelease(void *thing)");
  const keyState = library.func("bool CGEventSourceKeyState(int32_t state, uint16_t key)") as (
    s: number,
    key: number,
  ) => boolean;
  const isDown = (key: number) => keyState(HARDWARE, key);

  const press = (key: number, flags: number, text: string) => {
    for (const down of [true, false]) {
      const event: unknown = create(null, key, down);
      setFlags(event, flags);
      const units = Uint16Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
      if (text !== "") setText(event, units.length, units);
      post(TAP, event);
      release(event);
    }
  };
  return {
    type: (text) => {
      for (const piece of pieces(text)) {
        if (piece === "\n") press(KEY.enter, 0, "");
        else if (piece === "\t") press(KEY.tab, 0, "");
        else press(0, 0, piece);
      }
      return Promise.resolve();
    },
    pressPaste: () => {
      press(KEY.v, COMMAND, "");
      return Promise.resolve();
    },
    keysDown: () => Promise.resolve(Array.from({ length: 128 }, (_, key) => key).filter(isDown)),
    modifiersDown: () => Promise.resolve(MODIFIERS.some(isDown)),
    close: () => undefined,
  };
}

/**
 * Splits text into pieces that fit an event, without splitting characters. New lines and tabs are pieces of their own.
 */
export function pieces(text: string): readonly string[] {
  const done: string[] = [];
  for (const character of text) {
    const last = done.at(-1);
    const joins =
      last !== undefined && !isKey(last) && !isKey(character) && last.length + character.length <= MAX_UNITS;
    if (joins) done[done.length - 1] = last + character;
    else done.push(character);
  }
  return done;
}

const isKey = (piece: string) => piece === "\n" || piece === "\t";
