/** Input events for SendInput of Windows. Pure. (Microsoft Learn, Win32, "KEYBDINPUT structure") */

/** Field names as in the Windows headers. */
export interface KeyInput {
  readonly type: 1;
  readonly u: {
    readonly ki: {
      readonly wVk: number;
      readonly wScan: number;
      readonly dwFlags: number;
      readonly time: 0;
      readonly dwExtraInfo: 0;
    };
  };
}

const KEYUP = 0x0002;
const UNICODE = 0x0004;
export const VK = {
  tab: 0x09,
  enter: 0x0d,
  shift: 0x10,
  control: 0x11,
  alt: 0x12,
  v: 0x56,
  leftWindows: 0x5b,
  rightWindows: 0x5c,
};
export const MODIFIERS: readonly number[] = [VK.shift, VK.control, VK.alt, VK.leftWindows, VK.rightWindows];

/** Presses and releases each UTF-16 unit; new lines and tabs as keys, because programs expect those. */
export function inputsFor(text: string): readonly KeyInput[] {
  return Array.from({ length: text.length }, (_, index) => text.charCodeAt(index)).flatMap((unit) => {
    if (unit === 0x0a) return press(VK.enter);
    if (unit === 0x09) return press(VK.tab);
    return [key(0, unit, UNICODE), key(0, unit, UNICODE | KEYUP)];
  });
}

/** Ctrl+V. */
export function pasteInputs(): readonly KeyInput[] {
  return [key(VK.control, 0, 0), ...press(VK.v), key(VK.control, 0, KEYUP)];
}

const press = (code: number) => [key(code, 0, 0), key(code, 0, KEYUP)];

const key = (wVk: number, wScan: number, dwFlags: number): KeyInput => ({
  type: 1,
  u: { ki: { wVk, wScan, dwFlags, time: 0, dwExtraInfo: 0 } },
});

/** The part of koffi that the layout needs. */
interface Layouts<T> {
  struct: (name: string, fields: Record<string, T | string>) => T;
  union: (name: string, members: Record<string, T | string>) => T;
}

/** The C type INPUT. The unused mouse part determines its size. */
export function inputLayout<T>(koffi: Layouts<T>): T {
  const mouse = koffi.struct("MOUSEINPUT", {
    dx: "int32_t",
    dy: "int32_t",
    mouseData: "uint32_t",
    dwFlags: "uint32_t",
    time: "uint32_t",
    dwExtraInfo: "uintptr_t",
  });
  const keys = koffi.struct("KEYBDINPUT", {
    wVk: "uint16_t",
    wScan: "uint16_t",
    dwFlags: "uint32_t",
    time: "uint32_t",
    dwExtraInfo: "uintptr_t",
  });
  return koffi.struct("INPUT", { type: "uint32_t", u: koffi.union("INPUT_U", { mi: mouse, ki: keys }) });
}
