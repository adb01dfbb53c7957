import { expect, test } from "vitest";
import { accelerator, readable, type Keys } from "./shortcut-keys";
import { DEFAULTS } from "./settings";

const keys = (code: string, ...held: string[]): Keys => ({
  code,
  ctrlKey: held.includes("ctrl"),
  altKey: held.includes("alt"),
  shiftKey: held.includes("shift"),
  metaKey: held.includes("meta"),
});

test.each([
  [keys("KeyD", "ctrl", "alt"), "Control+Alt+D"],
  [keys("Space", "ctrl", "shift"), "Control+Shift+Space"],
  [keys("F9"), "F9"],
  [keys("Digit1", "meta"), "Super+1"],
  [keys("ArrowUp", "alt"), "Alt+Up"],
  [keys("KeyD"), ""],
  [keys("KeyD", "shift"), ""],
  [keys("ControlLeft", "ctrl"), ""],
  [keys("Escape", "ctrl"), ""],
])("%j is %j", (pressed, written) => {
  expect(accelerator(pressed)).toBe(written);
});

test("a shortcut is read by the names on the keyboard", () => {
  expect(readable(DEFAULTS.toggleShortcut, false)).toBe("Ctrl + Alt + D");
  expect(readable(DEFAULTS.toggleShortcut, true)).toBe("⌘ ⌥ D");
});
