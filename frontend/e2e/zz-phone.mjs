import { parseArgs } from "node:util";
import { inProfile, options } from "./browser.mjs";
import { scrollsSideways } from "./accessibility.mjs";
const { values: args } = parseArgs({ options });
await inProfile(args, async (browser, page) => {
  await page.goto(args.url);
  const at = (n) => page.getByTestId(n);
  for (const w of [320, 390]) {
    await page.setViewportSize({ width: w, height: 800 });
    for (const l of ["ar", "de", "en", "es", "fr", "ja", "pt", "zh"]) {
      await at("options").click();
      await at("locale").selectOption(l);
      const over = await page.evaluate(() => [...document.querySelectorAll("dialog[open] *, .page *")].filter((e) => { const r = e.getBoundingClientRect(); return r.width > 1 && (r.right > innerWidth + 1 || r.left < -1); }).map((e) => e.className || e.tagName));
      const d = await page.evaluate(() => { const d = document.querySelector("dialog[open]"); return d && [...d.querySelectorAll("*")].filter((e) => { const r = e.getBoundingClientRect(), b = d.getBoundingClientRect(); return r.width > 1 && (r.right > b.right + 1 || r.left < b.left - 1); }).map((e) => e.dataset.testid || e.className || e.tagName); });
      if (l === "de" || l === "ja") await page.screenshot({ path: `${args.out}/p-${l}-${w}-options.png` });
      await at("close").click();
      if (l === "de" || l === "ja") await page.screenshot({ path: `${args.out}/p-${l}-${w}.png` });
      console.log(w, l, over, d, await scrollsSideways(page));
    }
  }
});
