/** The interface's words. A catalogue that lacks one does not compile. */
import { createContext, useContext } from "react";
import type { Note } from "../session/notices";
import type { Problem } from "../../client/src/protocol/problems";
import { en } from "./en";
import { es } from "./es";
import { zh } from "./zh";

export type Words = typeof en;

export const LOCALES = { en: "English", es: "Español", zh: "中文" } as const;

export type Locale = keyof typeof LOCALES;

const CATALOGUES: Readonly<Record<Locale, Words>> = { en, es, zh };

/** The one that was chosen, or else the first of the person's languages that there is. */
export function localeOf(chosen: string, preferred: readonly string[]): Locale {
  const isOne = (code: string): code is Locale => Object.hasOwn(CATALOGUES, code);
  return [chosen, ...preferred.map((tag) => tag.split("-")[0] ?? "")].find(isOne) ?? "en";
}

export const wordsOf = (locale: Locale): Words => CATALOGUES[locale];

/** What happened and what to do. What a server says itself is more exact, and English. */
export function told({ code, message, advice }: Problem, locale: Locale): Pick<Problem, "message" | "advice"> {
  const known = locale === "en" ? undefined : lookUp(wordsOf(locale).problems, code);
  return known === undefined ? { message, advice } : { message: known[0], advice: known[1] };
}

export function toldNote({ code, message }: Note, locale: Locale): string {
  if (locale === "en") return message;
  return lookUp(wordsOf(locale).notes, code) ?? lookUp(wordsOf(locale).problems, code)?.[0] ?? message;
}

const lookUp = <T>(entries: Readonly<Record<string, T>>, code: string): T | undefined =>
  Object.hasOwn(entries, code) ? entries[code] : undefined;

export const Interface = createContext<Locale>("en");

export const useLocale = (): Locale => useContext(Interface);

export const useWords = (): Words => wordsOf(useLocale());
