// Dictates a WAV file by holding the shortcut. A fake shell records what is typed.
//
//   node e2e/dictate.mjs --url http://localhost:8080 --wav FILE --seconds N --out DIR --language en --screenshot NAME
//                        [--while-speaking]
//
// Prints a JSON object: typed (texts with their times, in ms after the key was pressed), releasedAt, bubbles (contents of
// the bubble), hidden (whether it was hidden at the end), found (sessions in the history), consoleErrors.
import { parseArgs } from "node:util";
import { options, shoot } from "./browser.mjs";
import { inDesktop, openOverlay, typed, perform } from "./fake-shell.mjs";

const { values: args } = parseArgs({ options: { ...options, "while-speaking": { type: "boolean", default: false } } });
const ENOUGH_CHARACTERS = 30;
const settings = {
  isSetUp: true,
  isReady: false,
  mode: "dictation",
  language: args.language,
  typesWhileSpeaking: args["while-speaking"],
};

await inDesktop(args, settings, async (page, browser) => {
  const bubble = await openOverlay(browser, args, "bubble", { width: 440, height: 120 });
  const pressedAt = Date.now();
  await perform(page, "hold");
  const seconds = Number(args.seconds) * 1000;
  // On a slow machine the picture shows fewer words.
  await page.waitForFunction(hasWords, ENOUGH_CHARACTERS, { timeout: seconds }).catch(() => undefined);
  await shoot(bubble, args, "bubble");
  await page.waitForTimeout(Math.max(0, seconds - (Date.now() - pressedAt)));
  const releasedAt = Date.now() - pressedAt;
  await perform(page, "release");
  await page.waitForFunction(
    () =>
      globalThis.shell.shown.some(({ target, content }, index, all) => {
        return (
          target === "bubble" &&
          content === null &&
          all.slice(0, index).some(({ content: before }) => before?.tone === "type")
        );
      }),
    undefined,
    { timeout: 30_000 },
  );
  await shoot(page, args, "done");
  const shown = await page.evaluate(() =>
    globalThis.shell.shown.filter(({ target }) => target === "bubble").map(({ content }) => content),
  );
  await page.getByTestId("tab-history").click();
  const found = await page.getByTestId("session").allInnerTexts();
  const all = await typed(page);
  return {
    typed: all.map(({ at, text }) => ({ at: at - pressedAt, text })),
    releasedAt,
    bubbles: shown.filter((content) => content !== null),
    hidden: shown.at(-1) === null,
    found,
  };
});

/** Runs in the page: whether the bubble shows this many characters. */
function hasWords(enough) {
  const { committed = "", tentative = "" } = globalThis.shell.bubble ?? {};
  return committed.length + tentative.length >= enough;
}
