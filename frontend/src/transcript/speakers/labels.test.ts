import fc from "fast-check";
import { expect, test } from "vitest";
import { addLabels, beginSession, endSession, isNumbered, noLabels, speakerName, speakerOf } from "./labels";

const first = addLabels(beginSession(noLabels, "a"), ["1", "2", "Anna"]);

test("labels of the first session are the speakers", () => {
  expect(["1", "2", "Anna"].map((label) => speakerOf(first, label))).toEqual(["1", "2", "Anna"]);
});

test("a resumed session keeps its labels, and another one has new numbers and the same names", () => {
  expect(beginSession(first, "a")).toBe(first);
  const second = addLabels(beginSession(first, "b"), ["2", "1", "3", "Anna"]);
  expect(["1", "2", "3", "Anna"].map((label) => speakerOf(second, label))).toEqual(["4", "3", "5", "Anna"]);
});

test("names of the prototype of objects are names", () => {
  expect(speakerOf(addLabels(noLabels, ["constructor", "__proto__"]), "constructor")).toBe("constructor");
});

test("no number is given to two speakers, in any number of sessions", () => {
  const sessions = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 9 }).map(String)));
  fc.assert(
    fc.property(sessions, (all) => {
      let labels = noLabels;
      const given: string[] = [];
      all.forEach((added, session) => {
        labels = addLabels(beginSession(endSession(labels), String(session)), added);
        given.push(...added.map((label) => speakerOf(labels, label)));
      });
      expect(new Set(given).size).toBe(given.length);
      expect(given.every(isNumbered)).toBe(true);
    }),
  );
});

test("a speaker without a name is numbered in the language of the interface", () => {
  const numbered = (number: string) => `Hablante ${number}`;
  expect(["2", "Anna 2"].map((speaker) => speakerName(speaker, numbered))).toEqual(["Hablante 2", "Anna 2"]);
});
