import { describe, expect, test } from "vitest";
import { withNote } from "../session/notices";
import { problem } from "../../client/src/protocol/problems";
import { LOCALES, localeOf, told, toldNote, wordsOf, type Locale } from "./texts";

const locales = Object.keys(LOCALES) as Locale[];

/** Every text, by where it stands. */
function texts(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") return [[path, String((value as (...some: unknown[]) => unknown)("1", 2))]];
  return Object.entries(value as object).flatMap(([name, inner]) => texts(inner, `${path}/${name}`));
}

describe("the interface", () => {
  test.each(locales)("in %s has no empty word", (locale) => {
    expect(texts(wordsOf(locale)).filter(([, text]) => text.trim() === "")).toEqual([]);
  });

  test.each(locales.filter((locale) => locale !== "en"))(
    "in %s is translated, but for what is the same in both",
    (locale) => {
      const english = new Map(texts(wordsOf("en")));
      const same = texts(wordsOf(locale)).filter(([path, text]) => english.get(path) === text);
      expect(same.map(([path]) => path).filter((path) => path !== "/settings/general")).toEqual([]);
    },
  );

  test("speaks the language that was chosen, or else the first it knows of the person's", () => {
    expect(localeOf("zh", ["es-MX"])).toBe("zh");
    expect(localeOf("", ["fr-FR", "es-MX", "en"])).toBe("es");
    expect(localeOf("xx", ["toString"])).toBe("en");
  });

  test("tells problems in its own words, and in English in the server's where it sent some", () => {
    const busy = problem("overloaded", "9 of 9 sessions are taken");
    expect(told(busy, "en").message).toBe("9 of 9 sessions are taken");
    expect(told(busy, "es")).toEqual({
      message: "El servidor está ocupado.",
      advice: "Inténtalo dentro de un momento.",
    });
    expect(told(problem("toString", "Odd."), "zh").message).toBe("Odd.");
  });

  test("tells notes in its own words", () => {
    const [note] = withNote([], { code: "delayed", message: "?", isError: false });
    if (note === undefined) throw new Error("there is no note");
    expect(toldNote(note, "es")).toBe("Las palabras tardarán un poco más; ninguna se pierde.");
    expect(toldNote({ ...note, code: "microphone_lost" }, "zh")).toBe("麦克风已断开。");
    expect(toldNote(note, "en")).toBe("?");
  });
});
