/**
 * The languages that can be chosen, by their codes in the protocol: those that Whisper recognizes and, of those that
 * NLLB-200 translates into, the ones with an ISO code. Chinese and Serbian are listed by script.
 */
import codes from "./languages.json";

export interface Language {
  readonly code: string;
  readonly name: string;
}

// Chromium has no names for these languages, in any language.
const NAMELESS: Readonly<Record<string, string>> = { ba: "Bashkir", bo: "Tibetan" };

/** Returns the name of a language in the language of `locale`, or the code itself if it has no name. */
export function languageName(code: string, locale = "en"): string {
  try {
    return namesIn(locale).of(code) ?? NAMELESS[code] ?? code;
  } catch {
    return code; // Not a BCP 47 tag, such as the FLORES code "spa_Latn".
  }
}

export const spokenLanguages = (locale: string) => byName(codes.spoken, locale);
export const writtenLanguages = (locale: string) => byName(codes.written, locale);

// The most spoken languages of the world (Ethnologue 2025) whose speakers use the internet most.
const WIDESPREAD = ["en", "zh-Hans", "zh-Hant", "es", "hi", "ar", "fr", "pt", "ru", "de", "ja"];

/**
 * Divides languages into those that the user probably needs, the most probable first, and all others.
 *
 * @param preferred Tags of the user's languages, such as `navigator.languages`.
 */
export function frequentFirst(
  languages: readonly Language[],
  preferred: readonly string[],
): readonly [frequent: readonly Language[], others: readonly Language[]] {
  const wanted = [...new Set([...preferred.map(scriptCode), ...WIDESPREAD])];
  const frequent = wanted.flatMap((code) => languages.filter((language) => language.code === code));
  return [frequent, languages.filter((language) => !frequent.includes(language))];
}

/** Returns the code that the lists have for a tag: Chinese and Serbian with their script, others without a region. */
export function scriptCode(tag: string): string {
  const [language = ""] = tag.split("-");
  if (language === "zh") return likelyScript(tag) === "Hant" ? "zh-Hant" : "zh-Hans";
  return language === "sr" && likelyScript(tag) === "Latn" ? "sr-Latn" : language;
}

function likelyScript(tag: string): string | undefined {
  try {
    return new Intl.Locale(tag).maximize().script;
  } catch {
    return undefined; // Not a BCP 47 tag.
  }
}

// Creating one takes milliseconds.
const cache = new Map<string, Intl.DisplayNames>();

function namesIn(locale: string): Intl.DisplayNames {
  const names = cache.get(locale) ?? new Intl.DisplayNames([locale], { type: "language", fallback: "none" });
  cache.set(locale, names);
  return names;
}

function byName(list: readonly string[], locale: string): readonly Language[] {
  return list
    .map((code) => ({ code, name: languageName(code, locale) }))
    .sort((a, b) => a.name.localeCompare(b.name, locale));
}
