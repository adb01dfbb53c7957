import { expect, test } from "vitest";
import { languageName, spokenLanguages, writtenLanguages } from "./languages";

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
