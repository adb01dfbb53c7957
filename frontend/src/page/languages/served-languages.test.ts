import { expect, test } from "vitest";
import { isSpokenServed, isTargetServed, parseServedLanguages, unknownLanguages } from "./served-languages";

// As `GET /v1/languages` answers with the model opus-zh-en and one that translates into Chinese.
const served = parseServedLanguages({
  speech: { en: "English", zh: "Chinese (Simplified)" },
  translation: [{ sources: ["zho_Hans"], targets: ["eng_Latn"] }],
  pairs: [
    { from: ["chi", "cmn", "zh"], to: ["en"] },
    { from: ["en"], to: ["zh", "zh-hant"] },
  ],
});

test("only pairs that are installed are offered", () => {
  expect(isTargetServed(served, "zh", "en")).toBe(true);
  expect(isTargetServed(served, "zh-Hant", "en")).toBe(true);
  expect(isTargetServed(served, "en", "es")).toBe(false);
  expect(isTargetServed(served, "es", "en")).toBe(false);
});

test("Chinese is served in both scripts", () => {
  expect(["zh", "zh-Hans", "zh-Hant"].map((code) => isTargetServed(served, "en", code))).toEqual([true, true, true]);
  expect(isSpokenServed(served, "zh-Hant")).toBe(true);
  expect(isSpokenServed(served, "fr")).toBe(false);
});

test("Serbian is served in both scripts", () => {
  const serbian = parseServedLanguages({ speech: { sr: "Serbian" }, pairs: [{ from: ["en", "sr"], to: ["en", "sr"] }] });
  expect(["sr", "sr-Latn"].map((code) => isTargetServed(serbian, "en", code))).toEqual([true, true]);
  expect(isTargetServed(serbian, "sr-Latn", "en")).toBe(true);
  expect(isSpokenServed(serbian, "sr-Latn")).toBe(true);
});

test("while the spoken language is detected, every target of any pair is offered", () => {
  expect(isTargetServed(served, "auto", "en")).toBe(true);
  expect(isTargetServed(served, "auto", "fr")).toBe(false);
});

test("without knowledge, every language is offered", () => {
  for (const body of [null, [], {}, { speech: null, pairs: null }, { speech: [], pairs: "all" }])
    expect(parseServedLanguages(body)).toEqual(unknownLanguages);
  expect(isTargetServed(unknownLanguages, "en", "fr")).toBe(true);
  expect(isSpokenServed(unknownLanguages, "fr")).toBe(true);
});

test("a server says whether it distinguishes speakers; one of an earlier release does not", () => {
  expect(parseServedLanguages({ speakers: true, only_speaker: false })).toMatchObject({
    speakers: true,
    onlySpeaker: false,
  });
  expect(parseServedLanguages({ speech: null, speakers: "yes" })).toMatchObject({ speakers: null, onlySpeaker: null });
});

test("no installed pair offers none", () => {
  expect(isTargetServed(parseServedLanguages({ pairs: [] }), "auto", "en")).toBe(false);
});
