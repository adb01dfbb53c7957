/**
 * Which keys to press on an X server for a text. Pure.
 *
 * A letter that the person's keyboard has is pressed there. For any other a key that means nothing yet is lent to it, as
 * there are more letters than keys; it keeps its letter until another needs the key.
 */

/** A key's number on the X server, and whether Shift goes with it. */
export interface Stroke {
  readonly code: number;
  readonly shift: boolean;
}

export interface Keymap {
  /** Letters (keysyms) that can be had without a change. */
  readonly own: ReadonlyMap<number, Stroke>;
  /** Keys that mean nothing, or what we lent them to, the longest unused first. */
  readonly spare: readonly number[];
  /** Letter to spare key. */
  readonly lent: ReadonlyMap<number, number>;
}

/** First give the spare keys their letters, wait until every program knows, then press. */
export interface Passage {
  readonly lend: readonly { readonly code: number; readonly letter: number }[];
  readonly strokes: readonly Stroke[];
}

const RETURN = 0xff0d;
const TAB = 0xff09;
const UNICODE = 0x0100_0000;

/** The keysym of a character. (X Window System Protocol, appendix A: Latin-1 as it is, everything else from 0x01000000 on) */
export function letterOf(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  if (character === "\n") return RETURN;
  if (character === "\t") return TAB;
  return point < 0x100 ? point : UNICODE | point;
}

/** In passages, since within one no key may change its letter: programs look letters up later than keys are pressed. */
export function passages(text: string, keymap: Keymap): readonly Passage[] | null {
  const lent = new Map(keymap.lent);
  const done: Passage[] = [];
  let lend: Passage["lend"][number][] = [];
  let strokes: Stroke[] = [];
  let used = new Set<number>();
  for (const character of text) {
    const letter = letterOf(character);
    const own = keymap.own.get(letter);
    if (own !== undefined) {
      strokes.push(own);
      continue;
    }
    let code = lent.get(letter);
    if (code === undefined) {
      if (keymap.spare.length === 0) return null;
      if (keymap.spare.every((key) => used.has(key))) {
        done.push({ lend, strokes });
        [lend, strokes, used] = [[], [], new Set()];
      }
      code = leastUsed(keymap.spare, lent, used);
      take(lent, code, letter);
      lend.push({ code, letter });
    }
    used.add(code);
    strokes.push({ code, shift: false });
  }
  return [...done, { lend, strokes }];
}

/** A key that has no letter yet, else the one whose letter was lent first. There is one that is not in use. */
function leastUsed(spare: readonly number[], lent: ReadonlyMap<number, number>, used: ReadonlySet<number>): number {
  const taken = [...lent.values()];
  const free = spare.filter((key) => !used.has(key)).sort((one, other) => taken.indexOf(one) - taken.indexOf(other));
  return free[0] ?? 0;
}

function take(lent: Map<number, number>, code: number, letter: number): void {
  for (const [other, key] of lent) if (key === code) lent.delete(other);
  lent.set(letter, code);
}
