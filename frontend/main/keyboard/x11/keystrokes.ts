/**
 * Computes which keys to press on an X server to type a text. Pure.
 *
 * Letters that the user's keyboard layout contains are typed with their own keys. Other letters are assigned to spare
 * keys; a spare key keeps its letter until another letter needs the key.
 */

/** A keycode, and whether Shift is pressed with it. */
export interface Stroke {
  readonly code: number;
  readonly shift: boolean;
}

export interface Keymap {
  /** Keystrokes of the keyboard layout, by keysym. */
  readonly own: ReadonlyMap<number, Stroke>;
  /** Keycodes without a meaning in the layout, the longest unused first. */
  readonly spare: readonly number[];
  /** Spare keycodes by the keysym they are assigned to. */
  readonly assigned: ReadonlyMap<number, number>;
}

/** Assign the spare keys, wait until all programs have noticed, then press. */
export interface KeyBatch {
  readonly assign: readonly { readonly code: number; readonly letter: number }[];
  readonly strokes: readonly Stroke[];
}

const RETURN = 0xff0d;
const TAB = 0xff09;
const UNICODE = 0x0100_0000;

/**
 * Returns the keysym of a character. (X Window System Protocol, appendix A: Latin-1 unchanged, others from 0x01000000)
 */
export function keysymOf(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  if (character === "\n") return RETURN;
  if (character === "\t") return TAB;
  return point < 0x100 ? point : UNICODE | point;
}

/**
 * Splits the keystrokes into batches. Within a batch no key changes its letter, because programs look up letters after
 * the keys were pressed.
 *
 * @returns null if a spare key is needed and there is none.
 */
export function keyBatches(text: string, keymap: Keymap): readonly KeyBatch[] | null {
  const assigned = new Map(keymap.assigned);
  const done: KeyBatch[] = [];
  let assign: KeyBatch["assign"][number][] = [];
  let strokes: Stroke[] = [];
  let used = new Set<number>();
  for (const character of text) {
    const letter = keysymOf(character);
    const own = keymap.own.get(letter);
    if (own !== undefined) {
      strokes.push(own);
      continue;
    }
    let code = assigned.get(letter);
    if (code === undefined) {
      if (keymap.spare.length === 0) return null;
      if (keymap.spare.every((key) => used.has(key))) {
        done.push({ assign, strokes });
        [assign, strokes, used] = [[], [], new Set()];
      }
      code = leastUsed(keymap.spare, assigned, used);
      assignKey(assigned, code, letter);
      assign.push({ code, letter });
    }
    used.add(code);
    strokes.push({ code, shift: false });
  }
  return [...done, { assign, strokes }];
}

/** Returns a spare key without a letter, or the one that was assigned first. Keys of the current batch are excluded. */
function leastUsed(spare: readonly number[], assigned: ReadonlyMap<number, number>, used: ReadonlySet<number>): number {
  const order = [...assigned.values()];
  const free = spare.filter((key) => !used.has(key)).sort((one, other) => order.indexOf(one) - order.indexOf(other));
  return free[0] ?? 0;
}

function assignKey(assigned: Map<number, number>, code: number, letter: number): void {
  for (const [other, key] of assigned) if (key === code) assigned.delete(other);
  assigned.set(letter, code);
}
