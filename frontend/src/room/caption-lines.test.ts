import { expect, test } from "vitest";
import { applyCaption, distinctTexts, parseCaption, type CaptionLine, type RoomCaption } from "./caption-lines";

const caption = (line: string, text: string, more: Partial<RoomCaption> = {}): RoomCaption => ({
  line,
  text,
  language: "en",
  is_final: true,
  ...more,
});

const shown = (lines: readonly CaptionLine[]) => lines.map((line) => distinctTexts(line).map(({ text }) => text));

test("a later caption of a line replaces the earlier one, and the speaker stays", () => {
  let lines = applyCaption([], caption("a-1", "Good", { is_final: false }), 0, 1);
  lines = applyCaption(lines, caption("a-1", "Good morning.", { speaker: "Anna" }), 0, 1);
  lines = applyCaption(lines, caption("a-2", "Thanks."), 0, 1);
  lines = applyCaption(lines, caption("a-1", "Good evening."), 0, 1);
  expect(shown(lines)).toEqual([["Good evening."], ["Thanks."]]);
  expect(lines[0]).toMatchObject({ speaker: "Anna", texts: [{ isFinal: true }] });
});

test("two languages share a line in any order of arrival", () => {
  let lines = applyCaption([], caption("a-1", "صباح الخير", { language: "ar" }), 1, 2);
  lines = applyCaption(lines, caption("a-1", "Good morning."), 0, 2);
  expect(shown(lines)).toEqual([["Good morning.", "صباح الخير"]]);
});

test("a line without a translation is shown once", () => {
  const lines = applyCaption(applyCaption([], caption("a-1", "Merci."), 0, 2), caption("a-1", "Merci."), 1, 2);
  expect(shown(lines)).toEqual([["Merci."]]);
});

test("an empty text removes its language, and a line without any text", () => {
  let lines = applyCaption(applyCaption([], caption("a-1", "Hm."), 0, 2), caption("a-1", "Eh."), 1, 2);
  lines = applyCaption(lines, caption("a-1", ""), 0, 2);
  expect(shown(lines)).toEqual([["Eh."]]);
  expect(applyCaption(lines, caption("a-1", ""), 1, 2)).toEqual([]);
  expect(applyCaption([], caption("a-9", ""), 0, 2)).toEqual([]);
});

test("the oldest lines are dropped", () => {
  let lines: readonly CaptionLine[] = [];
  for (let n = 0; n < 310; n++) lines = applyCaption(lines, caption(`a-${n}`, "x"), 0, 1);
  expect([lines.length, lines[0]?.id]).toEqual([300, "a-10"]);
});

test("data of another form is ignored", () => {
  for (const data of ["", "null", "[]", '{"line":1,"text":"x"}', '{"line":"a"}']) expect(parseCaption(data)).toBeNull();
  expect(parseCaption('{"line":"a-1","text":"x"}')).toMatchObject({ line: "a-1", language: "", is_final: false });
});

test("a speaker who turned out to be another one is renamed in the lines of the session", () => {
  let lines = applyCaption([], caption("a-1", "One.", { speaker: "3" }), 0, 1);
  lines = applyCaption(lines, caption("b-1", "Two.", { speaker: "3" }), 0, 1);
  lines = applyCaption(lines, caption("a-2", "Three.", { speaker: "1", merged_speakers: { "3": "1" } }), 0, 1);
  expect(lines.map(({ speaker }) => speaker)).toEqual(["1", "3", "1"]);
});
