import { expect, test } from "vitest";
import { formatViewOptions, parseViewOptions } from "./view-options";

const parse = (query: string) => {
  const parameters = new URLSearchParams(query);
  return parseViewOptions((name) => parameters.get(name));
};

test.each([
  ["", { languages: [""], isTransparent: false, size: 0, lines: 0 }],
  ["language=es", { languages: ["es"], isTransparent: false, size: 0, lines: 0 }],
  ["language=en,es&size=40&lines=3", { languages: ["en", "es"], isTransparent: false, size: 40, lines: 3 }],
  ["language=spoken,zh-Hant&transparent=1", { languages: ["", "zh-Hant"], isTransparent: true, size: 0, lines: 2 }],
  ["transparent=true&lines=0", { languages: [""], isTransparent: true, size: 0, lines: 0 }],
])("the address %j is read, and written again", (query, options) => {
  expect(parse(query)).toEqual(options);
  expect(parse(new URLSearchParams(formatViewOptions(options).map(([...pair]) => pair)).toString())).toEqual(options);
});

test("invalid parameters are ignored, and numbers are limited", () => {
  expect(parse("language=en,en,<b>,fr,de&size=5000&lines=-1&transparent=no")).toEqual({
    languages: ["en", "fr"],
    isTransparent: false,
    size: 200,
    lines: 0,
  });
});

test("defaults are not written", () => {
  expect(formatViewOptions(parse("language=spoken&lines=0&size=x"))).toEqual([]);
  expect(formatViewOptions(parse("language=ar&transparent=1&lines=2"))).toEqual([
    ["language", "ar"],
    ["transparent", "1"],
  ]);
});
