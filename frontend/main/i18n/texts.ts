/** Texts of the shell in the languages of the interface. */
import { ar } from "./ar";
import { de } from "./de";
import { en, type ShellTexts } from "./en";
import { es } from "./es";
import { fr } from "./fr";
import { ja } from "./ja";
import { pt } from "./pt";
import { zh } from "./zh";

export type { ShellTexts };

export const SHELL_TEXTS: Readonly<Record<string, ShellTexts>> = { ar, de, en, es, fr, ja, pt, zh };

/** English for languages without a translation. */
export function textsFor(locale: string): ShellTexts {
  const language = locale.toLowerCase().split(/[-_]/)[0] ?? "";
  return Object.hasOwn(SHELL_TEXTS, language) ? (SHELL_TEXTS[language] ?? en) : en;
}
