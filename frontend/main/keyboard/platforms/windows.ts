/** The keyboard of Windows, controlled by SendInput. */
import type { Keyboard } from "../keyboard";
import { inputLayout, inputsFor, MODIFIERS, pasteInputs, type KeyInput } from "./send-input";
import { TypingRefused } from "../text-typer";

const FIRST_KEY = 0x08;
const LAST_KEY = 0xfe;
const IS_DOWN = 0x8000;

export async function connect(): Promise<Keyboard> {
  const { default: koffi } = await import("koffi");
  const user32 = koffi.load("user32.dll");
  const size = koffi.sizeof(inputLayout(koffi));
  const sendInput = user32.func("uint32_t __stdcall SendInput(uint32_t count, INPUT *inputs, int size)") as (
    count: number,
    inputs: readonly KeyInput[],
    size: number,
  ) => number;
  const keyState = user32.func("int16_t __stdcall GetAsyncKeyState(int key)") as (key: number) => number;
  const isDown = (key: number) => (keyState(key) & IS_DOWN) !== 0;

  /**
   * Sends all events in one call, so that keys of the user do not mix with them. Programs that run as administrator
   * reject them.
   */
  const send = (inputs: readonly KeyInput[]) => {
    if (inputs.length > 0 && sendInput(inputs.length, inputs, size) === 0) throw new TypingRefused();
    return Promise.resolve();
  };
  return {
    type: (text) => send(inputsFor(text)),
    pressPaste: () => send(pasteInputs()),
    keysDown: () => {
      const keys = Array.from({ length: LAST_KEY - FIRST_KEY + 1 }, (_, index) => index + FIRST_KEY);
      return Promise.resolve(keys.filter(isDown));
    },
    modifiersDown: () => Promise.resolve(MODIFIERS.some(isDown)),
    close: () => undefined,
  };
}
