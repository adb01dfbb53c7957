// Dictates a WAV file, by the shortcut that is held down: in a real browser, with a shell that remembers what was typed.
//
//   node e2e/dictate.mjs --url http://localhost:8080 --wav FILE --seconds N --out DIR --language en --screenshot NAME
//                        [--while-speaking]
//
// One JSON object goes to stdout: typed (texts with their times, in ms after the key was pressed), releasedAt, bubbles
// (what the bubble was given), hidden (whether it was hidden at the end), found (sessions in the history), complaints.
import { parseArgs } from "node:util";
import { options, shoot } from "./browser.mjs";
import { atDesk, openLittle, typed, wish } from "./fake-shell.mjs";

const { values: args } = parseArgs({ options: { ...options, "while-speaking": { type: "boolean", default: false } } });
const settings = {
  isSetUp: true,
  isReady: false,
  mode: "dictation",
  language: args.language,
  typesWhileSpeaking: args["while-speaking"],
};

await atDesk(args, settings, async (page, browser) => {
  const bubble = await openLittle(browser, args, "bubble", { width: 440, height: 120 });
  const pressedAt = Date.now();
  await wish(page, "hold");
  await page.waitForTimeout((Number(args.seconds) * 1000) / 2);
  await shoot(bubble, args, "bubble");
  await page.waitForTimeout(Math.max(0, Number(args.seconds) * 1000 - (Date.now() - pressedAt)));
  const releasedAt = Date.now() - pressedAt;
  await wish(page, "release");
  await page.waitForFunction(
    () =>
      globalThis.shell.shown.some(({ little, state }, index, all) => {
        return (
          little === "bubble" &&
          state === null &&
          all.slice(0, index).some(({ state: before }) => before?.tone === "type")
        );
      }),
    undefined,
    { timeout: 30_000 },
  );
  await shoot(page, args, "done");
  const shown = await page.evaluate(() =>
    globalThis.shell.shown.filter(({ little }) => little === "bubble").map(({ state }) => state),
  );
  await page.getByTestId("tab-history").click();
  const found = await page.getByTestId("session").allInnerTexts();
  const all = await typed(page);
  return {
    typed: all.map(({ at, text }) => ({ at: at - pressedAt, text })),
    releasedAt,
    bubbles: shown.filter((state) => state !== null),
    hidden: shown.at(-1) === null,
    found,
  };
});
