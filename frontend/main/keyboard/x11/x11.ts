/** The keyboard of an X server, pressed through its extension XTEST. */
import { createClient, type Client, type Display, type XTest } from "x11";
import { later } from "../../system/delay";
import { Untypable, type Board, type Keyboard } from "../keyboard";
import { passages, type Keymap, type Passage, type Stroke } from "./keystrokes";
import { offered } from "./clipboard-formats";

const SHIFT_LEFT = 0xffe1;
const INSERT = 0xff63;
const LOCK = 1 << 1;
/** Bits 13 and 14 of an event's state are the keyboard's group (its layout). (X Keyboard Extension, 2.2.2) */
const GROUP = 3 << 13;
/** How long a program may take to hear that a key has got another letter, or to look up the last ones that were pressed. */
const NEWS_MS = 120;
/** A letter stands at every level and in every group, so that neither CapsLock nor another layout changes it. */
const WIDTH = 4;

/** Throws Untypable where there is no such server, or one without XTEST. */
export async function connect(display: string): Promise<X11Keyboard> {
  const server = await new Promise<Display>((resolve, reject) => {
    createClient({ display, shm: "off" }, (error, found) => {
      if (error) reject(new Untypable(error.message));
      else resolve(found);
    });
  });
  const test = await asked<XTest>((reply) => {
    server.client.require("xtest", reply);
  });
  return new X11Keyboard(server, test);
}

export class X11Keyboard implements Keyboard {
  readonly #server: Display;
  readonly #client: Client;
  readonly #test: XTest;
  readonly #spare: number[] = [];
  readonly #lent = new Map<number, number>();
  /** Whether the connection is still there. */
  isOpen = true;

  constructor(server: Display, test: XTest) {
    this.#server = server;
    this.#client = server.client;
    this.#test = test;
    this.#client.on("end", () => {
      this.isOpen = false;
    });
    this.#client.on("error", () => {
      this.isOpen = false;
    });
  }

  async type(text: string): Promise<void> {
    const rows = await this.#rows();
    const found = passages(text, await this.#keymap(rows));
    if (found === null) throw new Untypable("no key is free");
    const shift = this.#codeOf(SHIFT_LEFT, rows);
    for (const [place, passage] of found.entries()) {
      if (passage.lend.length > 0) await this.#lend(passage, place > 0);
      for (const stroke of passage.strokes) await this.#press(stroke, shift);
    }
  }

  async pressPaste(): Promise<void> {
    const rows = await this.#rows();
    await this.#press({ code: this.#codeOf(INSERT, rows), shift: true }, this.#codeOf(SHIFT_LEFT, rows));
  }

  offered(board: Board): Promise<readonly string[]> {
    return offered(this.#server, board === "clipboard" ? "CLIPBOARD" : "PRIMARY");
  }

  async keysDown(): Promise<readonly number[]> {
    const bits = await asked<Uint8Array>((reply) => {
      this.#client.QueryKeymap(reply);
    });
    const codes = Array.from({ length: 256 }, (_, code) => code);
    return codes.filter((code) => ((bits[code >> 3] ?? 0) >> (code & 7)) & 1);
  }

  async modifiersDown(): Promise<boolean> {
    const rows = await this.#rows();
    const down = await this.keysDown();
    return down.some((code) => rows[code - this.#server.min_keycode]?.some(isModifier));
  }

  /** Gives the lent keys back. */
  close(): void {
    if (!this.isOpen) return;
    for (const code of this.#lent.values()) this.#client.ChangeKeyboardMapping(code, 1, [0]);
    this.#client.terminate();
  }

  async #keymap(rows: readonly number[][]): Promise<Keymap> {
    const { keyMask } = await asked<{ keyMask: number }>((reply) => {
      this.#client.QueryPointer(this.#server.screen[0]?.root ?? 0, reply);
    });
    this.#reckon(rows);
    return { own: keyMask & (LOCK | GROUP) ? new Map() : ownOf(rows, this.#server.min_keycode), spare: this.#spare, lent: this.#lent };
  }

  /** Which keys are free now: someone may have set another layout since. */
  #reckon(rows: readonly number[][]): void {
    const ours = new Map([...this.#lent].map(([letter, code]) => [code, letter]));
    this.#spare.length = 0;
    for (const [place, row] of rows.entries()) {
      const code = place + this.#server.min_keycode;
      const letter = row[0] ?? 0;
      if (row.every((keysym) => keysym === 0)) this.#spare.push(code);
      if (letter !== 0 && ours.get(code) === letter) this.#spare.push(code);
      else if (ours.has(code)) this.#lent.delete(ours.get(code) ?? 0);
    }
  }

  async #lend({ lend }: Passage, hasTyped: boolean): Promise<void> {
    if (hasTyped) await later(NEWS_MS);
    for (const { code, letter } of lend) {
      for (const [other, key] of this.#lent) if (key === code) this.#lent.delete(other);
      this.#lent.set(letter, code);
      this.#client.ChangeKeyboardMapping(code, WIDTH, Array<number>(WIDTH).fill(letter));
    }
    await this.#answered();
    await later(NEWS_MS);
  }

  async #press({ code, shift }: Stroke, shiftCode: number): Promise<void> {
    if (shift) this.#fake(this.#test.KeyPress, shiftCode);
    this.#fake(this.#test.KeyPress, code);
    this.#fake(this.#test.KeyRelease, code);
    if (shift) this.#fake(this.#test.KeyRelease, shiftCode);
    await this.#answered();
  }

  #fake(type: number, code: number): void {
    this.#test.FakeInput(type, code, 0, 0, 0, 0);
  }

  /** Once the server has done what it was told before. */
  async #answered(): Promise<void> {
    await asked((reply) => {
      this.#client.GetInputFocus(reply);
    });
  }

  #rows(): Promise<number[][]> {
    const { min_keycode, max_keycode } = this.#server;
    return asked<number[][]>((reply) => {
      this.#client.GetKeyboardMapping(min_keycode, max_keycode - min_keycode + 1, reply);
    });
  }

  #codeOf(keysym: number, rows: readonly number[][]): number {
    const place = rows.findIndex((row) => row[0] === keysym);
    if (place < 0) throw new Untypable("this keyboard lacks a key that is needed");
    return place + this.#server.min_keycode;
  }
}

/** What the first layout has without and with Shift; where two keys have a letter, the first. */
function ownOf(rows: readonly number[][], firstCode: number): ReadonlyMap<number, Stroke> {
  const own = new Map<number, Stroke>();
  for (const shift of [false, true]) {
    for (const [place, row] of rows.entries()) {
      const letter = row[shift ? 1 : 0] ?? 0;
      if (isOurs(letter) && !own.has(letter)) own.set(letter, { code: place + firstCode, shift });
    }
  }
  return own;
}

const isOurs = (letter: number) => (letter >= 0x20 && letter < 0x100) || letter === 0xff0d || letter === 0xff09;

/** Shift to Hyper, AltGr, and the switch between layouts. CapsLock is none: it is not held. */
const isModifier = (keysym: number) =>
  (keysym >= 0xffe1 && keysym <= 0xffee && keysym !== 0xffe5) || keysym === 0xfe03 || keysym === 0xff7e;

function asked<T>(ask: (reply: (error: Error | null | undefined, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    ask((error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
}
