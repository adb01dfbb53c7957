/**
 * The languages that can be chosen, by their codes in the protocol: those that Whisper recognizes and, of those that
 * NLLB-200 translates into, the ones with an ISO code.
 */
import codes from "./languages.json";

export interface Language {
  readonly code: string;
  readonly name: string;
}

/** Returns the name of a language in the language of `locale`, or the code itself if it has no name. */
export function languageName(code: string, locale = "en"): string {
  try {
    return namesIn(locale).of(code) ?? code;
  } catch {
    return code; // Not a BCP 47 tag, such as the FLORES code "spa_Latn".
  }
}

export const spokenLanguages = (locale: string) => byName(codes.spoken, locale);
export const writtenLanguages = (locale: string) => byName(codes.written, locale);

// Creating one takes milliseconds.
const cache = new Map<string, Intl.DisplayNames>();

function namesIn(locale: string): Intl.DisplayNames {
  const names = cache.get(locale) ?? new Intl.DisplayNames([locale], { type: "language", fallback: "code" });
  cache.set(locale, names);
  return names;
}

function byName(list: readonly string[], locale: string): readonly Language[] {
  return list
    .map((code) => ({ code, name: languageName(code, locale) }))
    .sort((a, b) => a.name.localeCompare(b.name, locale));
}
