// Shows what the user sees when something fails, and what happens to the dictated text.
//
//   node e2e/failures.mjs --url http://localhost:8080 --wav FILE --seconds N --out DIR --language en --screenshot NAME
//                        --locked ws://localhost:8081/v1/stream
//
// First the server is unavailable during dictation, and returns. Then the microphone is unplugged. Last, the server
// requires an API key (`--locked`). Prints a JSON object: unavailable, restored, unplugged, locked; each with the
// notices, the text that was typed until then, and the content of a visible bubble.
import { parseArgs } from "node:util";
import { options, shoot } from "./browser.mjs";
import { inDesktop, perform } from "./fake-shell.mjs";

const { values: args } = parseArgs({ options: { ...options, locked: { type: "string" } } });
const settings = {
  isSetUp: true,
  isReady: false,
  mode: "dictation",
  language: args.language,
  typesWhileSpeaking: true,
};
const TIMEOUT = { timeout: 40_000 };

await inDesktop(args, settings, async (page) => {
  const setServer = (to) => page.evaluate((where) => (globalThis.shell.server = where), to);
  const typed = () => page.evaluate(() => globalThis.shell.typed.map(({ text }) => text).join(""));
  const bubbleWith = (tone) =>
    page.waitForFunction(
      (wanted) => globalThis.shell.bubble?.tone === wanted && globalThis.shell.bubble,
      tone,
      TIMEOUT,
    );
  const report = async (bubble) => ({
    ...(await bubble?.jsonValue()),
    notices: await page.locator("[data-testid=problem], [data-testid=notice]").allInnerTexts(),
    typed: await typed(),
  });

  const server = await page.evaluate(() => globalThis.shell.server);
  await setServer("ws://127.0.0.1:1/v1/stream");
  await perform(page, "hold");
  await bubbleWith("wait");
  await page.waitForTimeout(Number(args.seconds) * 1000);
  const unavailable = await report(await bubbleWith("wait"));
  await shoot(page, args, "unavailable");
  await perform(page, "release");
  await setServer(server);
  await page.waitForFunction(() => globalThis.shell.bubble === null, undefined, TIMEOUT);
  const restored = await report();

  // After a reload the recording starts from the beginning.
  await page.reload();
  await perform(page, "hold");
  await page.waitForTimeout((Number(args.seconds) * 1000) / 2);
  await page.evaluate(() => globalThis.shell.unplug());
  await page.locator("[data-testid=status][data-phase=idle]").waitFor(TIMEOUT);
  const unplugged = await report();
  await shoot(page, args, "unplugged");

  await setServer(args.locked);
  await perform(page, "hold");
  const locked = await report(await bubbleWith("error"));
  await shoot(page, args, "locked");
  return { unavailable, restored, unplugged, locked };
});
