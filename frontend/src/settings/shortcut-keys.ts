/** Keys pressed together, as Electron writes them: https://www.electronjs.org/docs/latest/api/accelerator */

/** What a keyboard event says. */
export interface Keys {
  /** The key by its place, such as "KeyD". */
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

const AS_THEY_ARE = /^(?:F\d{1,2}|Space|Insert|Home|End|PageUp|PageDown)$/;

/** "" where it is no shortcut: no key but modifiers, or one that would be missed in typing. */
export function accelerator({ code, ctrlKey, altKey, shiftKey, metaKey }: Keys): string {
  const key = /^(?:Key|Digit)(.)$/.exec(code)?.[1] ?? NAMED[code] ?? (AS_THEY_ARE.test(code) ? code : "");
  const modifiers = [ctrlKey && "Control", altKey && "Alt", shiftKey && "Shift", metaKey && "Super"].filter(
    (name) => name !== false,
  );
  const isFree = /^F\d+$/.test(key) || ctrlKey || altKey || metaKey;
  return key === "" || !isFree ? "" : [...modifiers, key].join("+");
}

/** As people read it. */
export function readable(written: string, isMac: boolean): string {
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
