import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { COMMAND_ACTIONS, DEFAULT_COMMANDS, parsePhrases, phrasesFor, formatPhrases } from "./commands";
import { parseDictionary } from "./dictionary";
import { matchPhrases, buildLexicon, type TextPart } from "./phrase-matching";

const own = parseDictionary("nova voyce -> Nova Voice\nnew york -> NYC\nnew york city -> New York City\num ->");
const english = buildLexicon("en", own);

const read = (parts: readonly TextPart[]) =>
  parts.map((part) => (part.kind === "words" ? part.text : `<${part.action}>`)).join("");
const all = (text: string, phrases = english) => read(matchPhrases(text, 0, true, phrases).parts);

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
  ])("in %j are matched as %j", (text, wanted) => {
    expect(all(text)).toBe(wanted);
  });

  test.each([
    ["es", "Hola, nueva línea, ¿qué tal?", "Hola,<new_line>¿qué tal?"],
    ["es", "Uno, punto y coma, dos", "Uno<semicolon>dos"],
    ["zh", "你好，换行，今天天气很好", "你好，<new_line>今天天气很好"],
    ["zh-TW", "你好句號", "你好<full_stop>"],
    ["de", "Hallo, neue Zeile", "Hallo,<new_line>"],
    ["ko", "new line", "new line"],
  ])("depend on the language: in %s, %j is %j", (language, text, wanted) => {
    expect(all(text, buildLexicon(language, parseDictionary("")))).toBe(wanted);
  });

  test("can be changed by the user, or removed", () => {
    const mine = { en: { new_line: ["next"] } };
    expect(all("One new line two", buildLexicon("en", own, mine))).toBe("One new line two");
    expect(all("One. Next. Two", buildLexicon("en", own, mine))).toBe("One.<new_line>Two");
    expect(all("One new line two", buildLexicon("en", own, {}))).toBe("One new line two");
  });

  test("have different phrases for all actions, which can be formatted and parsed", () => {
    for (const [language, phrases] of Object.entries(DEFAULT_COMMANDS)) {
      const words = COMMAND_ACTIONS.flatMap((action) => phrases[action] ?? []);
      expect(new Set(words).size, language).toBe(words.length);
      for (const action of COMMAND_ACTIONS)
        expect(parsePhrases(formatPhrases(phrases[action]))).toEqual(phrases[action]);
    }
    expect(phrasesFor(DEFAULT_COMMANDS, "pt-BR")).toEqual({});
  });
});

test.each([
  ["Nova Voyce is here.", "Nova Voice is here."],
  ["I went to New York, um, once.", "I went to NYC, , once."],
  ["I love New York City!", "I love New York City!"],
  ["anew york", "anew york"],
])("dictionary replacements: %j becomes %j", (text, wanted) => {
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
  .map((speech) => speech.flat().join("").trimEnd());

test("matches in a text that grows word by word are the matches in the complete text", () => {
  const ends = (text: string) => [...text.matchAll(/[\p{L}']+/gu)].map(({ 0: one, index }) => index + one.length);
  fc.assert(
    fc.property(spoken, fc.array(fc.nat(100)), fc.constantFrom("en", "zh"), (text, stops, language) => {
      const phrases = buildLexicon(language, own);
      const cuts = ends(text).filter((_, index) => stops.includes(index));
      const parts: TextPart[] = [];
      let from = 0;
      for (const end of cuts) {
        const piece = matchPhrases(text.slice(0, end), from, false, phrases);
        parts.push(...piece.parts);
        expect(piece.length).toBeGreaterThanOrEqual(from);
        from = piece.length;
      }
      parts.push(...matchPhrases(text, from, true, phrases).parts);
      expect(read(parts)).toBe(all(text, phrases));
    }),
    { numRuns: 500 },
  );
});
