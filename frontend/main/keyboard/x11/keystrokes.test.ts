import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { letterOf, passages, type Keymap, type Stroke } from "./keystrokes";

/** A keyboard with Latin letters, capitals by Shift, and so many spare keys. */
function keyboard(spare: number, lent: ReadonlyMap<number, number> = new Map()): Keymap {
  const own = new Map<number, Stroke>();
  for (const [place, letter] of "abcdefghijklmnopqrstuvwxyz ".split("").entries()) {
    own.set(letterOf(letter), { code: 20 + place, shift: false });
    if (letter !== " ") own.set(letterOf(letter.toUpperCase()), { code: 20 + place, shift: true });
  }
  return { own, spare: Array.from({ length: spare }, (_, place) => 100 + place), lent };
}

/** What a program makes of the keys, if it looks each passage's letters up only at that passage's end. */
function typed(text: string, keymap: Keymap): number[] {
  const meaning = new Map([...keymap.lent].map(([letter, code]) => [code, letter]));
  const own = new Map([...keymap.own].map(([letter, { code, shift }]) => [`${code} ${String(shift)}`, letter]));
  return (passages(text, keymap) ?? []).flatMap(({ lend, strokes }) => {
    for (const { code, letter } of lend) meaning.set(code, letter);
    return strokes.map(({ code, shift }) => own.get(`${code} ${String(shift)}`) ?? meaning.get(code) ?? 0);
  });
}

const anyText = fc.string({ unit: fc.constantFrom(...Array.from("aZ é你好世界ñ¿😀\n\tабв")) });

describe("keystrokes", () => {
  test("give just the text, in order, however few keys are spare", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 5 }), (text, spare) => {
        expect(typed(text, keyboard(spare))).toEqual(Array.from(text, letterOf));
      }),
    );
  });

  test("give the text whatever the spare keys were lent to before", () => {
    const lent = new Map([
      [letterOf("你"), 100],
      [letterOf("ñ"), 101],
    ]);
    fc.assert(
      fc.property(anyText, (text) => {
        expect(typed(text, keyboard(3, lent))).toEqual(Array.from(text, letterOf));
      }),
    );
  });

  test("lend nothing for letters that the keyboard has, and not twice for one that was lent", () => {
    expect(passages("Hello you", keyboard(0))?.flatMap(({ lend }) => lend)).toEqual([]);
    expect(passages("éé", keyboard(2, new Map([[letterOf("é"), 101]])))?.flatMap(({ lend }) => lend)).toEqual([]);
  });

  test("take the spare key that means nothing before one that means something", () => {
    const lent = new Map([[letterOf("é"), 100]]);
    expect(passages("ñ", keyboard(2, lent))?.[0]?.lend).toEqual([{ code: 101, letter: letterOf("ñ") }]);
  });

  test("are none where a letter needs a spare key and there is none", () => {
    expect(passages("aé", keyboard(0))).toBeNull();
  });

  test("name letters as the X protocol does", () => {
    expect(["a", "ñ", "你", "😀", "\n", "\t"].map(letterOf)).toEqual([0x61, 0xf1, 0x01004f60, 0x0101f600, 0xff0d, 0xff09]);
  });
});
