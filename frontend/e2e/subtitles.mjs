// Shows subtitles for a WAV file, changes the spoken language in between, and lets the caller kill the gateway.
//
//   node e2e/subtitles.mjs --url http://localhost:8080 --wav FILE --seconds N --out DIR --language en --screenshot NAME
//                        --then es --change-at M --lose-at L
//
// L seconds after Start it prints the line "lose"; the caller kills the gateway and answers with a line on stdin. The last
// line on stdout is a JSON object: seen (all lines of the overlay in their last state), drawn (text of the overlay at the
// end), streamed (text that another program shows), utterances (in the main window), problems, consoleErrors.
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { elapsed, finish, options, shoot, start } from "./browser.mjs";
import { inDesktop, openOverlay } from "./fake-shell.mjs";

const { values: args } = parseArgs({
  options: { ...options, then: { type: "string" }, "change-at": { type: "string" }, "lose-at": { type: "string" } },
});
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const settings = {
  isSetUp: true,
  isReady: false,
  mode: "captions",
  language: args.language,
  subtitles: { isServed: true },
};

await inDesktop(args, settings, async (page, browser) => {
  const overlay = await openOverlay(browser, args, "overlay", { width: 896, height: 220 });
  await overlay.evaluate(
    () => (document.documentElement.style.background = "linear-gradient(150deg, #5b7286, #b9a48c 55%, #3e4f47)"),
  );
  await start(page);
  const until = async (seconds) => page.waitForTimeout(Math.max(0, seconds * 1000 - (await elapsed(page))));
  await until(Number(args["change-at"]) - 1);
  await shoot(overlay, args, "overlay");
  await until(Number(args["change-at"]));
  await page.getByTestId("language").selectOption(args.then);
  await until(Number(args["lose-at"]));
  process.stdout.write("lose\n");
  await answers.next();
  const shown = await finish(page, Number(args.seconds));
  await shoot(page, args, "done");
  await shoot(overlay, args, "overlay-done");
  const drawn = await overlay.locator(".overlay").innerText();
  const seen = await page.evaluate(() => {
    const lines = globalThis.shell.shown.flatMap(({ target, content }) =>
      target === "overlay" ? (content?.texts[0]?.lines ?? []) : [],
    );
    return Object.fromEntries(lines.map(({ key, committed, tentative }) => [key, committed + tentative]));
  });
  const streamed = await inAnotherProgram(browser, page);
  process.stdin.destroy();
  return { phase: shown.phase, seen, drawn, streamed, utterances: shown.utterances, problems: shown.problems };
});

/** Returns what OBS would show: the overlay page without a shell, with its content as server-sent events. */
async function inAnotherProgram(browser, page) {
  const last = await page.evaluate(() => {
    return globalThis.shell.shown.findLast(
      ({ target, content }) => target === "stream" && content.texts[0]?.lines.length > 0,
    );
  });
  const source = await browser.newPage();
  await source.route("**/captions?no-shell", (route) =>
    route.fulfill({ contentType: "text/event-stream", body: `data: ${JSON.stringify(last?.content ?? null)}\n\n` }),
  );
  await source.goto(`${args.url}/overlay.html?no-shell`);
  await source.locator(".overlay .spoken").waitFor({ timeout: 5_000 });
  return source.locator(".overlay").innerText();
}
