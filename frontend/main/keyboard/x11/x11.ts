/** The keyboard of an X server, controlled through the extension XTEST. */
import { createClient, type Client, type Display, type XTest } from "x11";
import { delay } from "../../system/delay";
import { CannotType, type ClipboardName, type Keyboard } from "../keyboard";
import { keyBatches, type Keymap, type KeyBatch, type Stroke } from "./keystrokes";
import { clipboardFormats } from "./clipboard-formats";

const SHIFT_LEFT = 0xffe1;
const INSERT = 0xff63;
const LOCK = 1 << 1;
// Bits 13 and 14 of an event's state are the keyboard's group, that is its layout. (X Keyboard Extension, 2.2.2)
const GROUP = 3 << 13;
// How long programs may take to notice a changed keymap, or to look up the keys that were pressed before the change.
const KEYMAP_DELAY_MS = 120;
// A letter is assigned to all levels and groups of a key, so that neither CapsLock nor another layout changes it.
const KEYSYMS_PER_KEY = 4;

/** @throws CannotType if there is no such server. Rejects if it lacks XTEST. */
export async function connect(display: string): Promise<X11Keyboard> {
  const server = await new Promise<Display>((resolve, reject) => {
    createClient({ display, shm: "off" }, (error, found) => {
      if (error) reject(new CannotType(error.message));
      else resolve(found);
    });
  });
  const test = await request<XTest>((reply) => server.client.require("xtest", reply));
  return new X11Keyboard(server, test);
}

export class X11Keyboard implements Keyboard {
  readonly #server: Display;
  readonly #client: Client;
  readonly #test: XTest;
  readonly #spare: number[] = [];
  readonly #assigned = new Map<number, number>();
  /** Whether the connection is open. */
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
    const rows = await this.#keyboardMapping();
    const found = keyBatches(text, await this.#keymap(rows));
    if (found === null) throw new CannotType("there is no spare key");
    const shift = this.#codeOf(SHIFT_LEFT, rows);
    for (const [index, batch] of found.entries()) {
      if (batch.assign.length > 0) await this.#assignKeys(batch, index > 0);
      for (const stroke of batch.strokes) await this.#press(stroke, shift);
    }
  }

  async pressPaste(): Promise<void> {
    const rows = await this.#keyboardMapping();
    await this.#press({ code: this.#codeOf(INSERT, rows), shift: true }, this.#codeOf(SHIFT_LEFT, rows));
  }

  clipboardFormats(board: ClipboardName): Promise<readonly string[]> {
    return clipboardFormats(this.#server, board === "clipboard" ? "CLIPBOARD" : "PRIMARY");
  }

  async keysDown(): Promise<readonly number[]> {
    const bits = await request<Uint8Array>((reply) => this.#client.QueryKeymap(reply));
    const codes = Array.from({ length: 256 }, (_, code) => code);
    return codes.filter((code) => ((bits[code >> 3] ?? 0) >> (code & 7)) & 1);
  }

  async modifiersDown(): Promise<boolean> {
    const rows = await this.#keyboardMapping();
    const down = await this.keysDown();
    return down.some((code) => rows[code - this.#server.min_keycode]?.some(isModifier));
  }

  /** Removes the letters from the spare keys. */
  close(): void {
    if (!this.isOpen) return;
    for (const code of this.#assigned.values()) this.#client.ChangeKeyboardMapping(code, 1, [0]);
    this.#client.terminate();
  }

  async #keymap(rows: readonly number[][]): Promise<Keymap> {
    const { keyMask } = await request<{ keyMask: number }>((reply) =>
      this.#client.QueryPointer(this.#server.screen[0]?.root ?? 0, reply),
    );
    this.#updateSpareKeys(rows);
    return {
      own: keyMask & (LOCK | GROUP) ? new Map() : ownStrokes(rows, this.#server.min_keycode),
      spare: this.#spare,
      assigned: this.#assigned,
    };
  }

  /** Finds the spare keys; the user may have changed the layout since the last time. */
  #updateSpareKeys(rows: readonly number[][]): void {
    const ours = new Map([...this.#assigned].map(([letter, code]) => [code, letter]));
    this.#spare.length = 0;
    for (const [index, row] of rows.entries()) {
      const code = index + this.#server.min_keycode;
      const letter = row[0] ?? 0;
      if (row.every((keysym) => keysym === 0)) this.#spare.push(code);
      if (letter !== 0 && ours.get(code) === letter) this.#spare.push(code);
      else if (ours.has(code)) this.#assigned.delete(ours.get(code) ?? 0);
    }
  }

  async #assignKeys({ assign }: KeyBatch, hasTypedBefore: boolean): Promise<void> {
    if (hasTypedBefore) await delay(KEYMAP_DELAY_MS);
    for (const { code, letter } of assign) {
      for (const [other, key] of this.#assigned) if (key === code) this.#assigned.delete(other);
      this.#assigned.set(letter, code);
      this.#client.ChangeKeyboardMapping(code, KEYSYMS_PER_KEY, Array<number>(KEYSYMS_PER_KEY).fill(letter));
    }
    await this.#roundTrip();
    await delay(KEYMAP_DELAY_MS);
  }

  async #press({ code, shift }: Stroke, shiftCode: number): Promise<void> {
    if (shift) this.#fakeInput(this.#test.KeyPress, shiftCode);
    this.#fakeInput(this.#test.KeyPress, code);
    this.#fakeInput(this.#test.KeyRelease, code);
    if (shift) this.#fakeInput(this.#test.KeyRelease, shiftCode);
    await this.#roundTrip();
  }

  #fakeInput(type: number, code: number): void {
    this.#test.FakeInput(type, code, 0, 0, 0, 0);
  }

  /** Waits until the server has processed all earlier requests. */
  async #roundTrip(): Promise<void> {
    await request((reply) => this.#client.GetInputFocus(reply));
  }

  #keyboardMapping(): Promise<number[][]> {
    const { min_keycode, max_keycode } = this.#server;
    return request<number[][]>((reply) =>
      this.#client.GetKeyboardMapping(min_keycode, max_keycode - min_keycode + 1, reply),
    );
  }

  #codeOf(keysym: number, rows: readonly number[][]): number {
    const index = rows.findIndex((row) => row[0] === keysym);
    if (index < 0) throw new CannotType("the keyboard lacks a key that is needed");
    return index + this.#server.min_keycode;
  }
}

/**
 * Returns the keystrokes of the first layout, without and with Shift. If two keys have a letter, the first one counts.
 */
function ownStrokes(rows: readonly number[][], firstCode: number): ReadonlyMap<number, Stroke> {
  const own = new Map<number, Stroke>();
  for (const shift of [false, true]) {
    for (const [index, row] of rows.entries()) {
      const letter = row[shift ? 1 : 0] ?? 0;
      if (isPrintable(letter) && !own.has(letter)) own.set(letter, { code: index + firstCode, shift });
    }
  }
  return own;
}

const isPrintable = (letter: number) => (letter >= 0x20 && letter < 0x100) || letter === 0xff0d || letter === 0xff09;

/** Shift to Hyper, AltGr, and the layout switch, but not CapsLock, which is not held down. */
const isModifier = (keysym: number) =>
  (keysym >= 0xffe1 && keysym <= 0xffee && keysym !== 0xffe5) || keysym === 0xfe03 || keysym === 0xff7e;

function request<T>(ask: (reply: (error: Error | null | undefined, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    ask((error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
}
