// Checks a page with axe-core, which CI runs on every state of the page.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const RULES = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };

/** Returns the violations: one line for each rule and element. */
export async function violations(page) {
  const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(source);
  const found = await page.evaluate((rules) => globalThis.axe.run(document, rules), RULES);
  if (found.passes.length === 0) throw new Error("axe-core has checked nothing");
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, html }) => `${id}: ${target.join(" ")} ${html}`),
  );
}

/**
 * Whether a part of the page is wider than the window, so that reading it requires scrolling in two directions, or wider
 * than its dialog, which cuts it off.
 */
export function scrollsSideways(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const dialog = document.querySelector("dialog[open]");
    const outer = dialog?.getBoundingClientRect();
    // Entries of a closed list have no width.
    const isCutOff = ({ left, right, width }) => width > 0 && (right > outer.right + 1 || left < outer.left - 1);
    const inner = [...(dialog?.querySelectorAll("*:not(.visually-hidden)") ?? [])];
    return scrollWidth > clientWidth || inner.some((node) => isCutOff(node.getBoundingClientRect()));
  });
}
