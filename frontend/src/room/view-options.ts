/** How a reader sees the captions of a room: the parameters in the address of the page. */

export interface ViewOptions {
  /** One or two languages; "" is the text as it is spoken. */
  readonly languages: readonly string[];
  /** For a browser source of a streaming program: no background, no controls. */
  readonly isTransparent: boolean;
  /** Height of letters in CSS pixels; 0: by the width of the window. */
  readonly size: number;
  /** Captions that are shown; 0: all. */
  readonly lines: number;
}

export const SPOKEN = "spoken";
const MAX_LANGUAGES = 2;
const SIZES = [12, 200] as const;
const MAX_LINES = 50;
// Captions on top of a picture.
const TRANSPARENT_LINES = 2;
const LANGUAGE = /^[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*$/;

/** Invalid parameters are ignored: a screen in a hall should show something. */
export function parseViewOptions(parameter: (name: string) => string | null): ViewOptions {
  const isTransparent = isOn(parameter("transparent"));
  return {
    languages: parseLanguages(parameter("language") ?? ""),
    isTransparent,
    size: parseNumber(parameter("size"), ...SIZES) ?? 0,
    lines: parseNumber(parameter("lines"), 0, MAX_LINES) ?? (isTransparent ? TRANSPARENT_LINES : 0),
  };
}

/** The parameters of an address that shows the same. Those with their default value are left out. */
export function formatViewOptions(options: ViewOptions): readonly (readonly [name: string, value: string])[] {
  const { languages, isTransparent, size, lines } = options;
  const named = languages.map((code) => (code === "" ? SPOKEN : code)).join(",");
  const parameters: readonly (readonly [string, string])[] = [
    ["language", named === SPOKEN ? "" : named],
    ["transparent", isTransparent ? "1" : ""],
    ["size", size === 0 ? "" : String(size)],
    ["lines", lines === (isTransparent ? TRANSPARENT_LINES : 0) ? "" : String(lines)],
  ];
  return parameters.filter(([, value]) => value !== "");
}

const isOn = (value: string | null) => value === "1" || value === "true";

function parseLanguages(list: string): readonly string[] {
  const codes = list.split(",").map((code) => code.trim());
  const known = codes.filter((code) => LANGUAGE.test(code)).map((code) => (code === SPOKEN ? "" : code));
  const chosen = [...new Set(known)].slice(0, MAX_LANGUAGES);
  return chosen.length === 0 ? [""] : chosen;
}

function parseNumber(text: string | null, min: number, max: number): number | null {
  if (text === null || !/^\d{1,4}$/.test(text)) return null;
  return Math.min(Math.max(Number(text), min), max);
}
