import { expect, test } from "vitest";
import { languageName, SPOKEN_LANGUAGES, WRITTEN_LANGUAGES } from "./languages";

test.each([SPOKEN_LANGUAGES, WRITTEN_LANGUAGES])("every language has a name, and is listed once, by name", (...list) => {
  const names = list.map(({ name }) => name);
  expect(list.filter(({ code, name }) => name === code)).toEqual([]);
  expect(new Set(names).size).toBe(list.length);
  expect(names).toEqual([...names].sort((a, b) => a.localeCompare(b, "en")));
});

test("a code that is none is its own name", () => {
  expect(languageName("es")).toBe("Spanish");
  expect(languageName("spa_Latn")).toBe("spa_Latn");
});
