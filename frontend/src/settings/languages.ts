/**
 * The languages that can be chosen, by the codes that travel on the wire: those that Whisper hears and, of those that
 * NLLB-200 writes, the ones that have a short code.
 */
import codes from "./languages.json";

export interface Language {
  readonly code: string;
  readonly name: string;
}

/** The name of a language in another; the code itself where there is none. */
export function languageName(code: string, locale = "en"): string {
  try {
    return namesIn(locale).of(code) ?? code;
  } catch {
    return code; // not a BCP 47 tag, such as FLORES "spa_Latn"
  }
}

export const spokenLanguages = (locale: string) => byName(codes.spoken, locale);
export const writtenLanguages = (locale: string) => byName(codes.written, locale);

/** Making one takes milliseconds. */
const made = new Map<string, Intl.DisplayNames>();

function namesIn(locale: string): Intl.DisplayNames {
  const names = made.get(locale) ?? new Intl.DisplayNames([locale], { type: "language", fallback: "code" });
  made.set(locale, names);
  return names;
}

function byName(list: readonly string[], locale: string): readonly Language[] {
  return list
    .map((code) => ({ code, name: languageName(code, locale) }))
    .sort((a, b) => a.name.localeCompare(b.name, locale));
}
