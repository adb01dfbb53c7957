/** Keyboard shortcuts in Electron's notation: https://www.electronjs.org/docs/latest/api/accelerator */

/** The fields of a KeyboardEvent that are used. */
export interface KeyPress {
  /** The physical key, such as "KeyD". */
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly metaKey: boolean;
}

const NAMED: Readonly<Record<string, string>> = {
  ArrowUp: "Up",
  ArrowDown: "Down",
  ArrowLeft: "Left",
  ArrowRight: "Right",
  Backquote: "`",
  Minus: "-",
  Equal: "=",
  BracketLeft: "[",
  BracketRight: "]",
  Semicolon: ";",
  Comma: ",",
  Period: ".",
  Slash: "/",
};

const UNCHANGED = /^(?:F\d{1,2}|Space|Insert|Home|End|PageUp|PageDown)$/;

/** Returns "" if the keys are no shortcut: only modifiers, or a key that is needed for typing. */
export function toAccelerator({ code, ctrlKey, altKey, shiftKey, metaKey }: KeyPress): string {
  const key = /^(?:Key|Digit)(.)$/.exec(code)?.[1] ?? NAMED[code] ?? (UNCHANGED.test(code) ? code : "");
  const modifiers = [ctrlKey && "Control", altKey && "Alt", shiftKey && "Shift", metaKey && "Super"].filter(
    (name) => name !== false,
  );
  const isFree = /^F\d+$/.test(key) || ctrlKey || altKey || metaKey;
  return key === "" || !isFree ? "" : [...modifiers, key].join("+");
}

/** Formats an accelerator for display. */
export function formatAccelerator(written: string, isMac: boolean): string {
  const names = {
    CommandOrControl: isMac ? "⌘" : "Ctrl",
    Control: isMac ? "⌃" : "Ctrl",
    Super: isMac ? "⌘" : "Super",
    Alt: isMac ? "⌥" : "Alt",
  };
  return written
    .replace(/CommandOrControl|Control|Super|Alt/g, (name) => names[name as keyof typeof names])
    .replaceAll("+", isMac ? " " : " + ");
}
