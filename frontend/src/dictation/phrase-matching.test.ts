import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ACTIONS, COMMANDS, parsePhrases, phrasesOf, writtenPhrases } from "./commands";
import { parseDictionary } from "./dictionary";
import { found, lexicon, type Part } from "./phrase-matching";

const own = parseDictionary("nova voyce -> Nova Voice\nnew york -> NYC\nnew york city -> New York City\num ->");
const english = lexicon("en", own);

const read = (parts: readonly Part[]) =>
  parts.map((part) => (part.kind === "words" ? part.text : `<${part.action}>`)).join("");
const all = (text: string, phrases = english) => read(found(text, 0, true, phrases).parts);

describe("commands", () => {
  test.each([
    ["Dear Sam, new line, thank you.", "Dear Sam,<new_line>thank you."],
    ["Dear Sam new line thank you", "Dear Sam<new_line>thank you"],
    ["New paragraph.", "<new_paragraph>"],
    ["Hello, full stop. How are you, question mark", "Hello<full_stop>How are you<question_mark>"],
    ["Hello, comma, world", "Hello<comma>world"],
    ["A comma is small, and so is a period of time.", "A comma is small, and so is a period of time."],
    ["Hello world. Scratch that. Goodbye.", "Hello world.<scratch>Goodbye."],
    ["Please scratch that itch", "Please scratch that itch"],
    ["Good night. Stop typing.", "Good night.<stop>"],
    ["The renew line", "The renew line"],
  ])("in %j are %j", (text, wanted) => {
    expect(all(text)).toBe(wanted);
  });

  test.each([
    ["es", "Hola, nueva línea, ¿qué tal?", "Hola,<new_line>¿qué tal?"],
    ["es", "Uno, punto y coma, dos", "Uno<semicolon>dos"],
    ["zh", "你好，换行，今天天气很好", "你好，<new_line>今天天气很好"],
    ["zh-TW", "你好句號", "你好<full_stop>"],
    ["de", "Hallo, neue Zeile", "Hallo,<new_line>"],
    ["ko", "new line", "new line"],
  ])("are those of the language: in %s, %j is %j", (language, text, wanted) => {
    expect(all(text, lexicon(language, parseDictionary("")))).toBe(wanted);
  });

  test("are as a person has changed them, and none where there are none", () => {
    const mine = { en: { new_line: ["next"] } };
    expect(all("One new line two", lexicon("en", own, mine))).toBe("One new line two");
    expect(all("One. Next. Two", lexicon("en", own, mine))).toBe("One.<new_line>Two");
    expect(all("One new line two", lexicon("en", own, {}))).toBe("One new line two");
  });

  test("of every language have words, no two the same, which can be written down and read again", () => {
    for (const [language, phrases] of Object.entries(COMMANDS)) {
      const words = ACTIONS.flatMap((action) => phrases[action] ?? []);
      expect(new Set(words).size, language).toBe(words.length);
      for (const action of ACTIONS) expect(parsePhrases(writtenPhrases(phrases[action]))).toEqual(phrases[action]);
    }
    expect(phrasesOf(COMMANDS, "pt-BR")).toEqual({});
  });
});

test.each([
  ["Nova Voyce is here.", "Nova Voice is here."],
  ["I went to New York, um, once.", "I went to NYC, , once."],
  ["I love New York City!", "I love New York City!"],
  ["anew york", "anew york"],
])("words of the dictionary are written as it says: %j is %j", (text, wanted) => {
  expect(all(text)).toBe(wanted);
});

const word = fc.constantFrom(
  "new",
  "line",
  "york",
  "city",
  "full",
  "stop",
  "comma",
  "hello",
  "scratch",
  "that",
  "nova",
  "voyce",
  "typing",
  "I'm",
  "你",
  "换",
  "行",
);
const mark = fc.constantFrom(" ", " ", " ", ", ", ". ", "? ");
const spoken = fc
  .array(fc.tuple(word, mark), { minLength: 1, maxLength: 20 })
  .map((said) => said.flat().join("").trimEnd());

test("what is found in a text as it grows word by word is what is found in the whole", () => {
  const ends = (text: string) => [...text.matchAll(/[\p{L}']+/gu)].map(({ 0: one, index }) => index + one.length);
  fc.assert(
    fc.property(spoken, fc.array(fc.nat(100)), fc.constantFrom("en", "zh"), (text, stops, language) => {
      const phrases = lexicon(language, own);
      const cuts = ends(text).filter((_, index) => stops.includes(index));
      const parts: Part[] = [];
      let from = 0;
      for (const end of cuts) {
        const piece = found(text.slice(0, end), from, false, phrases);
        parts.push(...piece.parts);
        expect(piece.length).toBeGreaterThanOrEqual(from);
        from = piece.length;
      }
      parts.push(...found(text, from, true, phrases).parts);
      expect(read(parts)).toBe(all(text, phrases));
    }),
    { numRuns: 500 },
  );
});
