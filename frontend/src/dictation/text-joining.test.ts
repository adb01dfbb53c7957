import fc from "fast-check";
import { expect, test } from "vitest";
import { joinText } from "./text-joining";

test.each([
  ["", "Hello.", "en", "Hello."],
  ["", "The end.", "en", "The end."],
  ["Hello.", "How are you?", "en", " How are you?"],
  ["Hello.", "how are you?", "en", " How are you?"],
  ["I went to", "The shop.", "en", " the shop."],
  ["I went to", "London.", "en", " London."],
  ["I think", "I know.", "en", " I know."],
  ["Dear Sam,\n", "thank you", "en", "Thank you"],
  ["(", "or so", "en", "or so"],
  ["Hello", ", world", "en", ", world"],
  ["He speech “no.”", "then left", "en", " Then left"],
  ["Fue a", "La tienda.", "es", " la tienda."],
  ["Hola.", "¿cómo estás?", "es", " ¿Cómo estás?"],
  ["Das ist", "Der Hund.", "de", " Der Hund."],
  ["今天天气很好。", "我们出去吧", "zh", "我们出去吧"],
  ["我用", "Python 写", "zh", "Python 写"],
  ["สวัสดี", "ครับ", "th", "ครับ"],
  ["안녕하세요.", "반갑습니다.", "ko", " 반갑습니다."],
  ["Bitti.", "iyi", "tr", " İyi"],
])("after %j, %j in %s becomes %j", (before, text, language, wanted) => {
  expect(joinText(before, text, language)).toBe(wanted);
});

test("joining adds at most one space and changes at most the case of the first word", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.constantFrom("en", "es", "zh", "tr", "", "x-odd"),
      (before, text, language) => {
        const result = joinText(before, text, language);
        const bare = result.startsWith(" ") ? result.slice(1) : result;
        expect(bare.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "")).toBe(
          text.trimStart().toLowerCase().normalize("NFKD").replace(/\p{M}/gu, ""),
        );
      },
    ),
  );
});
