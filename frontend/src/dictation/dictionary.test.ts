import fc from "fast-check";
import { expect, test } from "vitest";
import { hotwords, parseDictionary } from "./dictionary";

test("a line is a word to expect, or one that is heard and what to write instead", () => {
  const dictionary = parseDictionary("Nova Voice\n\nkube cuttle -> kubectl\nÁlvaro\n -> nothing\n");
  expect(dictionary.replacements).toEqual([{ heard: "kube cuttle", written: "kubectl" }]);
  expect(hotwords(dictionary)).toBe("Nova Voice, kubectl, Álvaro, nothing");
});

test("what may be nothing may be written instead, and is not expected", () => {
  const dictionary = parseDictionary("um ->");
  expect(dictionary).toEqual({ words: [], replacements: [{ heard: "um", written: "" }] });
});

test("whatever is written in it, a server takes the words: whole ones, in their order, a thousand characters", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 200 })), (lines) => {
      const dictionary = parseDictionary(lines.join("\n"));
      const words = hotwords(dictionary);
      expect(words.length).toBeLessThanOrEqual(1_000);
      expect(dictionary.words.join(", ").startsWith(words)).toBe(true);
    }),
  );
});
