// Takes a screenshot of the page when it shows an utterance with its translation, and tentative words of the next one.
//
//   node e2e/picture.mjs --url http://localhost:8080 --wav FILE --out DIR --language zh --target en --screenshot NAME
//
// FILE contains two utterances with a pause between them. Prints a JSON object: phase, utterances, problems, consoleErrors.
import { parseArgs } from "node:util";
import { finish, inBrowser, options, shoot, start } from "./browser.mjs";

const { values: args } = parseArgs({ options });
const TIMEOUT_MS = 60_000;
const ENOUGH_CHARACTERS = 5;

await inBrowser(args, async (page) => {
  await start(page);
  await page.locator("[data-testid=translation][data-final=true]").first().waitFor({ timeout: TIMEOUT_MS });
  await page.waitForFunction(
    (enough) =>
      [...document.querySelectorAll("[data-testid=tentative]")].some((node) => node.textContent.length >= enough),
    ENOUGH_CHARACTERS,
    { timeout: TIMEOUT_MS },
  );
  await shoot(page, args, "page");
  return finish(page, Number(args.seconds));
});
