import { expect, test, vi } from "vitest";
import { languageName, scriptCode, spokenLanguages, writtenLanguages } from "./languages";

test.each(["en", "es", "zh"])("in %s every language has a name, and is listed once, sorted by name", (locale) => {
  for (const list of [spokenLanguages(locale), writtenLanguages(locale)]) {
    const names = list.map(({ name }) => name);
    expect(list.filter(({ code, name }) => name === code)).toEqual([]);
    expect(new Set(names).size).toBe(list.length);
    expect(names).toEqual([...names].sort((a, b) => a.localeCompare(b, locale)));
  }
});

test("an unknown code is its own name", () => {
  expect(languageName("es")).toBe("Spanish");
  expect(languageName("es", "zh")).toBe("西班牙语");
  expect(languageName("spa_Latn")).toBe("spa_Latn");
});

test("languages that the browser cannot name have an English name", () => {
  const of = vi.spyOn(Intl.DisplayNames.prototype, "of").mockReturnValue(undefined);
  expect(["ba", "bo", "xx"].map((code) => languageName(code, "fr"))).toEqual(["Bashkir", "Tibetan", "xx"]);
  of.mockRestore();
});

test.each([
  ["zh", "zh-Hans"],
  ["zh-SG", "zh-Hans"],
  ["zh-TW", "zh-Hant"],
  ["zh-US", "zh-Hant"],
  ["sr", "sr"],
  ["sr-Cyrl-ME", "sr"],
  ["sr-Latn-RS", "sr-Latn"],
  ["sr-ME", "sr-Latn"],
  ["pt-BR", "pt"],
  ["zh-", "zh-Hans"],
])("the tag %s has the code %s in the lists", (tag, code) => {
  expect(scriptCode(tag)).toBe(code);
});

test("both Serbian scripts are offered", () => {
  for (const list of [spokenLanguages("de"), writtenLanguages("de")])
    expect(list.filter(({ code }) => code.startsWith("sr")).map(({ code }) => code)).toEqual(["sr", "sr-Latn"]);
});
