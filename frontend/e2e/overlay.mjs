// Shows subtitles with a translation above a picture, and takes a screenshot of them.
//
//   node e2e/overlay.mjs --url http://localhost:8080 --wav FILE --out DIR --language zh --target en --screenshot NAME
//
// The screenshot is taken when the translation of an utterance is complete. Prints a JSON object: drawn (text of the overlay),
// consoleErrors.
import { parseArgs } from "node:util";
import { options, shoot, start } from "./browser.mjs";
import { inDesktop, openOverlay } from "./fake-shell.mjs";

const { values: args } = parseArgs({ options });
const TIMEOUT_MS = 60_000;
const settings = {
  isSetUp: true,
  isReady: false,
  mode: "captions",
  language: args.language,
  target: args.target,
  // The original stays until the translation is complete, also on a busy machine.
  subtitles: { size: 24, lines: 3, pace: 5 },
};

await inDesktop(args, settings, async (page, browser) => {
  const overlay = await openOverlay(browser, args, "overlay", { width: 896, height: 280 });
  await overlay.evaluate(
    () => (document.documentElement.style.background = "linear-gradient(150deg, #5b7286, #b9a48c 55%, #3e4f47)"),
  );
  await start(page);
  await page.locator("[data-testid=translation][data-final=true]").first().waitFor({ timeout: TIMEOUT_MS });
  await overlay.waitForTimeout(300);
  await shoot(overlay, args, "overlay");
  return { drawn: await overlay.locator(".overlay").innerText() };
});
