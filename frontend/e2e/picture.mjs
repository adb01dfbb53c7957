// Takes a screenshot of the page when it shows an utterance with its translation, and tentative words of the next one.
//
//   node e2e/picture.mjs --url http://localhost:8080 --wav FILE --out DIR --language zh --target en --screenshot NAME
//
// FILE contains two utterances with a pause between them. With --text and --translation, the words of the second one and of
// its translation must be the beginnings of these texts, because an error must not illustrate the documentation. Prints a JSON object: phase, utterances, problems, consoleErrors.
import { parseArgs } from "node:util";
import { finish, inBrowser, options, shoot, start } from "./browser.mjs";

const more = { text: { type: "string", default: "" }, translation: { type: "string", default: "" } };
const { values: args } = parseArgs({ options: { ...options, ...more } });
const TIMEOUT_MS = 60_000;
const ENOUGH_CHARACTERS = 5;

await inBrowser(args, async (page) => {
  await start(page);
  await page.locator("[data-testid=translation][data-final=true]").first().waitFor({ timeout: TIMEOUT_MS });
  await page.waitForFunction(isReadable, [ENOUGH_CHARACTERS, args.text, args.translation], { timeout: TIMEOUT_MS });
  await shoot(page, args, "page");
  return finish(page, Number(args.seconds));
});

/** Runs in the page: whether the last utterance has tentative words, all of it correct. */
function isReadable([enough, text, translation]) {
  const letters = (some) => some.replace(/[^\p{L}]/gu, "");
  const begins = (whole, some) => whole === "" || letters(whole).startsWith(letters(some));
  const last = [...document.querySelectorAll("[data-testid=utterance]")].at(-1);
  const [committed, tentative, translated] = ["committed", "tentative", "translation"].map(
    (name) => last.querySelector(`[data-testid=${name}]`)?.textContent ?? "",
  );
  const shown = committed + tentative;
  if (tentative.length === 0 || letters(shown).length < enough) return false;
  return begins(text, shown) && begins(translation, translated);
}
