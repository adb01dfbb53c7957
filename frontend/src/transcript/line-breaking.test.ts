import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { columnWidth, fillLines, lineColumns, LINE_COLUMNS, unbreakablePieces } from "./line-breaking";

const SENTENCES: Record<string, string> = {
  Thai: "ผมเป็นนักเรียนที่มหาวิทยาลัยในกรุงเทพมหานครและผมชอบเรียนภาษาอังกฤษมาก",
  Lao: "ຂ້ອຍເປັນນັກຮຽນຢູ່ມະຫາວິທະຍາໄລແຫ່ງຊາດລາວແລະຂ້ອຍມັກຮຽນພາສາອັງກິດຫຼາຍ",
  Khmer: "ខ្ញុំជាសិស្សនៅសាកលវិទ្យាល័យភូមិន្ទភ្នំពេញហើយខ្ញុំចូលចិត្តរៀនភាសាអង់គ្លេស",
  Burmese: "ကျွန်တော်သည်ရန်ကုန်တက္ကသိုလ်မှကျောင်းသားတစ်ယောက်ဖြစ်ပြီးအင်္ဂလိပ်စာသင်ယူရတာကြိုက်ပါတယ်",
  Tibetan: "བོད་སྐད་ནི་བོད་པའི་སྐད་ཡིག་ཡིན་པས་ང་ཚོས་བོད་སྐད་སློབ་སྦྱོང་བྱེད་ཀྱི་ཡོད",
  Javanese: "ꦲꦤꦕꦫꦏꦢꦠꦱꦮꦭꦥꦝꦗꦪꦚꦩꦒꦧꦛꦔ".repeat(3),
  Balinese: "ᬳᬦᬘᬭᬓᬤᬢᬲᬯᬮᬫᬕᬩᬗᬧᬚᬬᬜ".repeat(3),
};

afterEach(() => {
  vi.unstubAllGlobals();
});

describe.each(Object.entries(SENTENCES))("%s text without spaces", (_, sentence) => {
  test.each(["with a segmenter", "without a segmenter"])("is broken into lines %s, never before a mark", (how) => {
    if (how === "without a segmenter") vi.stubGlobal("Intl", {});
    const lines = fillLines(sentence.repeat(2));
    expect(lines.join("")).toBe(sentence.repeat(2));
    expect(lines.length).toBeLessThan(8);
    for (const line of lines) {
      expect(columnWidth(line)).toBeLessThanOrEqual(LINE_COLUMNS);
      expect(line).not.toMatch(/^\p{M}|[\u1039\u17d2]$/u);
    }
  });
});

test("Thai is broken between words", () => {
  expect(unbreakablePieces("ผมชื่อสมชาย ครับ!")).toEqual(["ผม", "ชื่อ", "สมชาย ", "ครับ!"]);
});

test("a word that is longer than a line is split between characters with their marks", () => {
  const family = "👨‍👩‍👧";
  expect(unbreakablePieces(family.repeat(20), 10)).toEqual(Array.from({ length: 20 }, () => family));
  expect(unbreakablePieces("é".repeat(12), 5).join("")).toBe("é".repeat(12));
});

test("lines are as long as the guides allow for their script", () => {
  expect(["Hello", "สวัสดี", "今天", "안녕", "東京に"].map(lineColumns)).toEqual([42, 42, 32, 32, 26]);
});

test("no character is lost in any script", () => {
  const script = fc.constantFrom(...Object.values(SENTENCES), "今天，", "コーヒー。", "a ", "word-", "한국어 ", "👩‍🚀");
  fc.assert(
    fc.property(
      fc.array(fc.oneof(script, fc.string({ unit: "grapheme", maxLength: 9 }))),
      fc.integer({ min: 5, max: 50 }),
      (parts, width) => {
        const text = parts.join("");
        expect(fillLines(text, width).join("").replace(/\s/gu, "")).toBe(text.replace(/\s/gu, ""));
      },
    ),
  );
});
