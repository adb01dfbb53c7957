// What a person is told when something is not as it should be, and what becomes of their words.
//
//   node e2e/failures.mjs --url http://localhost:8080 --wav FILE --seconds N --out DIR --language en --screenshot NAME
//                        --locked ws://localhost:8081/v1/stream
//
// First the server is away while the file is dictated, and comes back; then the microphone is unplugged; at last there is
// a server that lets nobody in without a key (`--locked`). One JSON object goes to stdout: away, back, unplugged, locked,
// each with the notices, what was typed by then, and, where there is a bubble, what that says.
import { parseArgs } from "node:util";
import { options, shoot } from "./browser.mjs";
import { atDesk, wish } from "./fake-shell.mjs";

const { values: args } = parseArgs({ options: { ...options, locked: { type: "string" } } });
const settings = {
  isSetUp: true,
  isReady: false,
  mode: "dictation",
  language: args.language,
  typesWhileSpeaking: true,
};
const SOON = { timeout: 40_000 };

await atDesk(args, settings, async (page) => {
  const move = (to) => page.evaluate((where) => (globalThis.shell.server = where), to);
  const typed = () => page.evaluate(() => globalThis.shell.typed.map(({ text }) => text).join(""));
  const told = (tone) =>
    page.waitForFunction((wanted) => globalThis.shell.bubble?.tone === wanted && globalThis.shell.bubble, tone, SOON);
  const report = async (bubble) => ({
    ...(await bubble?.jsonValue()),
    notices: await page.locator("[data-testid=problem], [data-testid=note]").allInnerTexts(),
    typed: await typed(),
  });

  const server = await page.evaluate(() => globalThis.shell.server);
  await move("ws://127.0.0.1:1/v1/stream");
  await wish(page, "hold");
  await told("wait");
  await page.waitForTimeout(Number(args.seconds) * 1000);
  const away = await report(await told("wait"));
  await shoot(page, args, "away");
  await wish(page, "release");
  await move(server);
  await page.waitForFunction(() => globalThis.shell.bubble === null, undefined, SOON);
  const back = await report();

  // The recording begins anew with a window that does.
  await page.reload();
  await wish(page, "hold");
  await page.waitForTimeout((Number(args.seconds) * 1000) / 2);
  await page.evaluate(() => globalThis.shell.unplug());
  await page.locator("[data-testid=status][data-phase=idle]").waitFor(SOON);
  const unplugged = await report();
  await shoot(page, args, "unplugged");

  await move(args.locked);
  await wish(page, "hold");
  const locked = await report(await told("error"));
  await shoot(page, args, "locked");
  return { away, back, unplugged, locked };
});
