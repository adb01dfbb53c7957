import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const styles = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");

/** Relative luminance (WCAG 2.2). */
function luminance(color: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = parseInt(color.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** The light and the dark color of each property with this name. */
const colors = (css: string, property: string) =>
  [...css.matchAll(new RegExp(`${property}: light-dark\\((#\\w{6}), (#\\w{6})\\)`, "g"))].map(
    ([, light = "", dark = ""]) => [light, dark] as const,
  );

test("names of speakers have a contrast of at least 4.5:1 on both backgrounds, in light and dark", () => {
  const page = styles("page.css");
  const backgrounds = [...colors(page, "--paper"), ...colors(page, "--card")];
  const speakers = colors(styles("speakers.css"), "--speaker");
  expect([backgrounds.length, speakers.length]).toEqual([2, 8]);
  for (const speaker of speakers)
    for (const background of backgrounds)
      for (const theme of [0, 1] as const)
        expect(contrast(speaker[theme], background[theme]), speaker[theme]).toBeGreaterThanOrEqual(4.5);
});

test("speakers have different colors", () => {
  const speakers = colors(styles("speakers.css"), "--speaker");
  for (const theme of [0, 1] as const) expect(new Set(speakers.map((color) => color[theme])).size).toBe(8);
});
