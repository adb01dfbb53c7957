import fc from "fast-check";
import { expect, test } from "vitest";
import { hotwords, parseDictionary } from "./dictionary";

test("a line is a word to expect, or a replacement", () => {
  const dictionary = parseDictionary("Nova Voice\n\nkube cuttle -> kubectl\nÁlvaro\n -> nothing\n");
  expect(dictionary.replacements).toEqual([{ spoken: "kube cuttle", written: "kubectl" }]);
  expect(hotwords(dictionary)).toBe("Nova Voice, kubectl, Álvaro, nothing");
});

test("a replacement may be empty, and is then not expected", () => {
  const dictionary = parseDictionary("um ->");
  expect(dictionary).toEqual({ words: [], replacements: [{ spoken: "um", written: "" }] });
});

test("the hotwords are whole words in order, with at most a thousand characters", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 200 })), (lines) => {
      const dictionary = parseDictionary(lines.join("\n"));
      const words = hotwords(dictionary);
      expect(words.length).toBeLessThanOrEqual(1_000);
      expect(dictionary.words.join(", ").startsWith(words)).toBe(true);
    }),
  );
});
