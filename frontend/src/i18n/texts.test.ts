import { describe, expect, test } from "vitest";
import { addNotice } from "../session/notices";
import { problem } from "../../client/src/protocol/problems";
import { LOCALES, chooseLocale, directionOf, describeProblem, describeNotice, textsFor, type Locale } from "./texts";

const locales = Object.keys(LOCALES) as Locale[];

/** Returns all texts with their paths. */
function texts(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") return [[path, String((value as (...some: unknown[]) => unknown)("1", 2))]];
  return Object.entries(value as object).flatMap(([name, inner]) => texts(inner, `${path}/${name}`));
}

/** Texts that consist of numbers and signs, or are the same words in two languages. */
const SAME_IN_SOME = new Set([
  "/settings/general",
  "/settings/server",
  "/settings/show",
  "/settings/position",
  "/desktop/mode",
  "/controls/microphone",
  "/page/sessions/title",
  "/page/sessions/name",
  "/page/options/title",
  "/page/options/percent",
  "/page/languages/pair",
  "/page/transcript/spoken",
  "/room/options/pixels",
  "/room/moderation/seconds",
]);

describe("the interface", () => {
  test.each(locales)("in %s has no empty text", (locale) =>
    expect(texts(textsFor(locale)).filter(([, text]) => text.trim() === "")).toEqual([]),
  );

  test.each(locales.filter((locale) => locale !== "en"))(
    "in %s is translated, except for texts that are the same in both languages",
    (locale) => {
      const english = new Map(texts(textsFor("en")));
      const same = texts(textsFor(locale)).filter(([path, text]) => english.get(path) === text);
      expect(same.map(([path]) => path).filter((path) => !SAME_IN_SOME.has(path))).toEqual([]);
    },
  );

  test("uses the chosen language, or else the first supported one that the user prefers", () => {
    expect(chooseLocale("zh", ["es-MX"])).toBe("zh");
    expect(chooseLocale("", ["nl-NL", "es-MX", "en"])).toBe("es");
    expect(chooseLocale("xx", ["toString"])).toBe("en");
  });

  test.each(locales)("in %s names the Start button as it is labeled", (locale) => {
    const { controls, transcript } = textsFor(locale);
    const stem = (word: string) => word.slice(0, 5).toLowerCase();
    expect(transcript.pressStart.toLowerCase()).toContain(stem(controls.start));
  });

  test("is written from right to left in Arabic only", () =>
    expect(locales.filter((locale) => directionOf(locale) === "rtl")).toEqual(["ar"]));

  test("describes problems in its own words; in English, in those of the server", () => {
    const busy = problem("overloaded", "9 of 9 sessions are taken");
    expect(describeProblem(busy, "en").message).toBe("9 of 9 sessions are taken.");
    expect(describeProblem(problem("unauthorized", "an API key is required"), "en").message).toBe(
      "An API key is required.",
    );
    expect(describeProblem(busy, "es")).toEqual({
      message: "El servidor está ocupado.",
      advice: "Inténtalo dentro de un momento.",
    });
    expect(describeProblem(problem("toString", "Odd."), "zh").message).toBe("Odd.");
  });

  test("describes notices in its own words", () => {
    const [note] = addNotice([], { code: "delayed", message: "?", isError: false });
    if (note === undefined) throw new Error("there is no notice");
    expect(describeNotice(note, "es")).toBe("Parte del texto se retrasa. No se pierde nada.");
    expect(describeNotice({ ...note, code: "microphone_lost" }, "zh")).toBe("麦克风已断开连接。");
    expect(describeNotice(note, "en")).toBe("Some text is delayed. Nothing is lost.");
    expect(describeNotice({ ...note, code: "from_the_future" }, "es")).toBe("?");
  });
});
