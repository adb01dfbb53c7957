import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { UNSPACED_SCRIPTS } from "./writing-systems";

test("the scripts are those of the backend", () => {
  const python = readFileSync(new URL("../../../backend/text/writing_systems.py", import.meta.url), "utf-8");
  const ranges = [...python.matchAll(/\(0x([0-9A-F]+), 0x([0-9A-F]+)\)/gu)].map((match) =>
    match.slice(1).map((code) => parseInt(code, 16)),
  );
  const unspaced = new RegExp(`[${UNSPACED_SCRIPTS}]`, "u");
  const isListed = (code: number) => ranges.some(([first = 0, last = 0]) => first <= code && code <= last);
  const letters = Array.from({ length: 0x32000 }, (_, code) => code).filter((code) =>
    /\p{L}/u.test(String.fromCodePoint(code)),
  );
  expect(ranges.length).toBeGreaterThan(15);
  const different = letters.filter((code) => isListed(code) !== unspaced.test(String.fromCodePoint(code)));
  expect(different.map((code) => code.toString(16))).toEqual([]);
});
