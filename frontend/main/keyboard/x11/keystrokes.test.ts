import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keysymOf, keyBatches, type Keymap, type Stroke } from "./keystrokes";

/** A keyboard layout with Latin letters, capitals with Shift, and spare keys. */
function keyboard(spare: number, assigned: ReadonlyMap<number, number> = new Map()): Keymap {
  const own = new Map<number, Stroke>();
  for (const [index, letter] of "abcdefghijklmnopqrstuvwxyz ".split("").entries()) {
    own.set(keysymOf(letter), { code: 20 + index, shift: false });
    if (letter !== " ") own.set(keysymOf(letter.toUpperCase()), { code: 20 + index, shift: true });
  }
  return { own, spare: Array.from({ length: spare }, (_, index) => 100 + index), assigned: assigned };
}

/** Returns what a program receives that looks up letters only at the end of each batch. */
function typed(text: string, keymap: Keymap): number[] {
  const meaning = new Map([...keymap.assigned].map(([letter, code]) => [code, letter]));
  const own = new Map([...keymap.own].map(([letter, { code, shift }]) => [`${code} ${String(shift)}`, letter]));
  return (keyBatches(text, keymap) ?? []).flatMap(({ assign, strokes }) => {
    for (const { code, letter } of assign) meaning.set(code, letter);
    return strokes.map(({ code, shift }) => own.get(`${code} ${String(shift)}`) ?? meaning.get(code) ?? 0);
  });
}

const anyText = fc.string({ unit: fc.constantFrom(...Array.from("aZ é你好世界ñ¿😀\n\tабв")) });

describe("keystrokes", () => {
  test("type the text in order, with any number of spare keys", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 5 }), (text, spare) => {
        expect(typed(text, keyboard(spare))).toEqual(Array.from(text, keysymOf));
      }),
    );
  });

  test("type the text whatever letters the spare keys had before", () => {
    const assigned = new Map([
      [keysymOf("你"), 100],
      [keysymOf("ñ"), 101],
    ]);
    fc.assert(
      fc.property(anyText, (text) => {
        expect(typed(text, keyboard(3, assigned))).toEqual(Array.from(text, keysymOf));
      }),
    );
  });

  test("assign no key to a letter of the layout, or to a letter that already has a key", () => {
    expect(keyBatches("Hello you", keyboard(0))?.flatMap(({ assign }) => assign)).toEqual([]);
    expect(keyBatches("éé", keyboard(2, new Map([[keysymOf("é"), 101]])))?.flatMap(({ assign }) => assign)).toEqual([]);
  });

  test("use a spare key without a letter before one with a letter", () => {
    const assigned = new Map([[keysymOf("é"), 100]]);
    expect(keyBatches("ñ", keyboard(2, assigned))?.[0]?.assign).toEqual([{ code: 101, letter: keysymOf("ñ") }]);
  });

  test("are null if a spare key is needed and there is none", () => {
    expect(keyBatches("aé", keyboard(0))).toBeNull();
  });

  test("use the keysyms of the X protocol", () => {
    expect(["a", "ñ", "你", "😀", "\n", "\t"].map(keysymOf)).toEqual([
      0x61, 0xf1, 0x01004f60, 0x0101f600, 0xff0d, 0xff09,
    ]);
  });
});
