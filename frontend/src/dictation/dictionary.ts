/**
 * The user's dictionary, one entry per line: a word to expect ("Nova Voice"), or a replacement for a word that the
 * recognizer gets wrong ("nova voyce -> Nova Voice").
 */

export interface Dictionary {
  /** Words to expect, in the order of the lines. */
  readonly words: readonly string[];
  readonly replacements: readonly Replacement[];
}

export interface Replacement {
  readonly spoken: string;
  readonly written: string;
}

// Limit of the field `hotwords` in the protocol.
const MAX_HOTWORDS_CHARACTERS = 1_000;

/** Ignores empty lines, and replacements for nothing. */
export function parseDictionary(text: string): Dictionary {
  const lines = text.split("\n").map((line) => line.split(/\s*(?:->|→)\s*/u).map((part) => part.trim()));
  const replacements = lines.flatMap(([spoken = "", written]) =>
    spoken !== "" && written !== undefined ? [{ spoken, written }] : [],
  );
  const words = lines.map(([spoken = "", written]) => written ?? spoken).filter((word) => word !== "");
  return { words: [...new Set(words)], replacements };
}

/** Returns the words for the field `hotwords`; words beyond the server's limit are left out. */
export function hotwords({ words }: Dictionary): string {
  let all = "";
  for (const word of words) {
    const longer = all === "" ? word : `${all}, ${word}`;
    if (longer.length > MAX_HOTWORDS_CHARACTERS) break;
    all = longer;
  }
  return all;
}
