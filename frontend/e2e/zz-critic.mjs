import { parseArgs } from "node:util";
import { inProfile, options, consoleErrorsOf } from "./browser.mjs";
import { violations, scrollsSideways } from "./accessibility.mjs";
const { values: args } = parseArgs({ options });
await inProfile(args, async (browser, page) => {
  const errs = consoleErrorsOf(page);
  await page.goto(args.url);
  const at = (n) => page.getByTestId(n);
  await at("target").locator("option[value=more]").waitFor({ state: "attached" });
  for (const [size, name] of [[[1280, 800], "d"], [[390, 844], "p"]]) {
    await page.setViewportSize({ width: size[0], height: size[1] });
    for (const l of ["ar", "de", "en", "es", "fr", "ja", "pt", "zh"]) {
      await at("options").click();
      await at("locale").selectOption(l);
      if (name === "d" || l === "ar" || l === "de") await page.screenshot({ path: `${args.out}/c-${l}-${name}-options.png` });
      await at("close").click();
      await page.screenshot({ path: `${args.out}/c-${l}-${name}-empty.png` });
      for (const d of ["sessions", "share"]) {
        await at(d).click();
        if (name === "d" || l === "ar") await page.screenshot({ path: `${args.out}/c-${l}-${name}-${d}.png` });
        await page.keyboard.press("Escape");
      }
      const v = l === "ar" || l === "de" ? await violations(page) : [];
      console.log(l, name, await scrollsSideways(page), v);
    }
  }
  console.log(errs);
});
