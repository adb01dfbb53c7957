/**
 * The languages that can be chosen, by the codes that travel on the wire: those that Whisper hears and, of those that
 * NLLB-200 writes, the ones that have a short code.
 */
import codes from "./languages.json";

export interface Language {
  readonly code: string;
  readonly name: string;
}

const names = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });

/** The English name of a language; the code itself where there is none. */
export function languageName(code: string): string {
  try {
    return names.of(code) ?? code;
  } catch {
    return code; // not a BCP 47 tag, such as FLORES "spa_Latn"
  }
}

const byName = (list: readonly string[]): readonly Language[] =>
  list.map((code) => ({ code, name: languageName(code) })).sort((a, b) => a.name.localeCompare(b.name, "en"));

export const SPOKEN_LANGUAGES = byName(codes.spoken);
export const WRITTEN_LANGUAGES = byName(codes.written);
