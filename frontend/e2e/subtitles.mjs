// Speaks a WAV file for subtitles, changes the spoken language in the middle, and lets the caller take the server away.
//
//   node e2e/subtitles.mjs --url http://localhost:8080 --wav FILE --seconds N --out DIR --language en --screenshot NAME
//                        --then es --change-at M --lose-at L
//
// At L seconds after Start one line, "lose", goes to stdout; the caller kills the gateway and answers with a line on
// stdin. The last line on stdout is one JSON object: seen (the lines that stood in the overlay, each as it was last),
// drawn (what stands in it at the end), streamed (what another program draws of it), utterances (in the main window),
// problems, complaints.
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { elapsed, finish, options, shoot, start } from "./browser.mjs";
import { atDesk, openLittle } from "./fake-shell.mjs";

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

await atDesk(args, settings, async (page, browser) => {
  const overlay = await openLittle(browser, args, "overlay", { width: 896, height: 220 });
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
    const lines = globalThis.shell.shown.flatMap(({ little, state }) =>
      little === "overlay" ? (state?.texts[0]?.lines ?? []) : [],
    );
    return Object.fromEntries(lines.map(({ key, firm, faint }) => [key, firm + faint]));
  });
  const streamed = await inAnotherProgram(browser, page);
  process.stdin.destroy();
  return { phase: shown.phase, seen, drawn, streamed, utterances: shown.utterances, problems: shown.problems };
});

/** What OBS would show: the same page without a shell, which is sent what to draw. */
async function inAnotherProgram(browser, page) {
  const last = await page.evaluate(() => {
    return globalThis.shell.shown.findLast(
      ({ little, state }) => little === "stream" && state.texts[0]?.lines.length > 0,
    );
  });
  const source = await browser.newPage();
  await source.route("**/captions?elsewhere", (route) =>
    route.fulfill({ contentType: "text/event-stream", body: `data: ${JSON.stringify(last?.state ?? null)}\n\n` }),
  );
  await source.goto(`${args.url}/overlay.html?elsewhere`);
  await source.locator(".overlay .spoken").waitFor({ timeout: 5_000 });
  return source.locator(".overlay").innerText();
}
