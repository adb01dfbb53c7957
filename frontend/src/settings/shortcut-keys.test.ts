import { expect, test } from "vitest";
import { toAccelerator, formatAccelerator, type KeyPress } from "./shortcut-keys";
import { DEFAULT_SETTINGS } from "./settings";

const keys = (code: string, ...held: string[]): KeyPress => ({
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
  expect(toAccelerator(pressed)).toBe(written);
});

test("a shortcut is displayed with the names of the platform's keyboard", () => {
  expect(formatAccelerator(DEFAULT_SETTINGS.toggleShortcut, false)).toBe("Ctrl + Alt + D");
  expect(formatAccelerator(DEFAULT_SETTINGS.toggleShortcut, true)).toBe("⌘ ⌥ D");
});
