/**
 * A person's own words, one on a line: a word to expect ("Nova Voice"), or one that is heard wrong and what to write
 * instead ("nova voyce -> Nova Voice").
 */

export interface Dictionary {
  /** To be expected, in the order of the lines. */
  readonly words: readonly string[];
  readonly replacements: readonly Replacement[];
}

export interface Replacement {
  readonly heard: string;
  readonly written: string;
}

/** What `start` takes. */
const MOST_HOTWORDS = 1_000;

/** Lines that say nothing, or replace nothing, are passed over. */
export function parseDictionary(text: string): Dictionary {
  const lines = text.split("\n").map((line) => line.split(/\s*(?:->|→)\s*/u).map((part) => part.trim()));
  const replacements = lines.flatMap(([heard = "", written]) =>
    heard !== "" && written !== undefined ? [{ heard, written }] : [],
  );
  const words = lines.map(([heard = "", written]) => written ?? heard).filter((word) => word !== "");
  return { words: [...new Set(words)], replacements };
}

/** The words to expect, as the server takes them; the first ones where there are too many. */
export function hotwords({ words }: Dictionary): string {
  let all = "";
  for (const word of words) {
    const longer = all === "" ? word : `${all}, ${word}`;
    if (longer.length > MOST_HOTWORDS) break;
    all = longer;
  }
  return all;
}
