/** The texts of the user interface. A language that lacks one does not compile. */
import { createContext, useContext } from "react";
import type { Problem } from "../../client/src/protocol/problems";
import type { StatusNotice } from "../session/notices";
import { ar } from "./ar";
import { de } from "./de";
import { en } from "./en";
import { es } from "./es";
import { fr } from "./fr";
import { ja } from "./ja";
import * as page from "./page";
import { pt } from "./pt";
import * as room from "./room";
import * as speakers from "./speakers";
import * as voices from "./voices";
import { zh } from "./zh";

/** Texts that the page and the desktop client share, and those of the desktop client. */
export type SharedTexts = typeof en;

/** Texts of the page alone. */
export type PageTexts = typeof page.en;

/** Texts about speakers, which the page and the desktop client share. */
export type SpeakerTexts = typeof speakers.en;

/** Texts about enrolled voices. */
export type VoiceTexts = typeof voices.en;

/** Texts about rooms. */
export type RoomTexts = typeof room.en;

export type Texts = SharedTexts & {
  readonly page: PageTexts;
  readonly speakers: SpeakerTexts;
  readonly room: RoomTexts;
  readonly voices: VoiceTexts;
};

export const LOCALES = {
  ar: "العربية",
  de: "Deutsch",
  en: "English",
  es: "Español",
  fr: "Français",
  ja: "日本語",
  pt: "Português",
  zh: "中文",
} as const;

export type Locale = keyof typeof LOCALES;

const TEXTS: Readonly<Record<Locale, Texts>> = {
  ar: { ...ar, page: page.ar, speakers: speakers.ar, room: room.ar, voices: voices.ar },
  de: { ...de, page: page.de, speakers: speakers.de, room: room.de, voices: voices.de },
  en: { ...en, page: page.en, speakers: speakers.en, room: room.en, voices: voices.en },
  es: { ...es, page: page.es, speakers: speakers.es, room: room.es, voices: voices.es },
  fr: { ...fr, page: page.fr, speakers: speakers.fr, room: room.fr, voices: voices.fr },
  ja: { ...ja, page: page.ja, speakers: speakers.ja, room: room.ja, voices: voices.ja },
  pt: { ...pt, page: page.pt, speakers: speakers.pt, room: room.pt, voices: voices.pt },
  zh: { ...zh, page: page.zh, speakers: speakers.zh, room: room.zh, voices: voices.zh },
};

/** Writing direction of the interface. */
export const directionOf = (locale: Locale): "ltr" | "rtl" => (locale === "ar" ? "rtl" : "ltr");

/** Returns the chosen locale, or else the first supported one of the user's preferred languages. */
export function chooseLocale(chosen: string, preferred: readonly string[]): Locale {
  const isLocale = (code: string): code is Locale => Object.hasOwn(TEXTS, code);
  return [chosen, ...preferred.map((tag) => tag.split("-")[0] ?? "")].find(isLocale) ?? "en";
}

export const textsFor = (locale: Locale): Texts => TEXTS[locale];

/** What happened, and what to do. The server's own message is more exact, but always in English. */
export function describeProblem({ code, message }: Problem, locale: Locale): { message: string; advice: string } {
  const { problems } = textsFor(locale);
  const known = lookUpProblem(textsFor(locale), code);
  const [text, advice] = known ?? problems.unknown;
  const prefersServer = message !== "" && (locale === "en" || known === undefined);
  return { message: prefersServer ? asSentence(message) : text, advice };
}

/** Servers send messages without a capital letter and a period, as is usual for errors. */
function asSentence(message: string): string {
  const [first = "", ...rest] = message;
  return `${first.toUpperCase()}${rest.join("")}${/[.!?]$/.test(message) ? "" : "."}`;
}

export function describeNotice({ code, message }: StatusNotice, locale: Locale): string {
  const texts = textsFor(locale);
  const known = lookUp<string>(texts.notices.byCode, code) ?? lookUp<string>(texts.speakers.notices, code);
  if (known !== undefined) return known;
  if (locale === "en" && message !== "") return message;
  return lookUpProblem(texts, code)?.[0] ?? message;
}

const lookUpProblem = ({ problems, speakers: { problems: others } }: Texts, code: string) =>
  lookUp<readonly [string, string]>(problems, code) ?? lookUp<readonly [string, string]>(others, code);

const lookUp = <T>(entries: Readonly<Record<string, T>>, code: string): T | undefined =>
  Object.hasOwn(entries, code) ? entries[code] : undefined;

export const LocaleContext = createContext<Locale>("en");

export const useLocale = (): Locale => useContext(LocaleContext);

export const useTexts = (): Texts => textsFor(useLocale());
