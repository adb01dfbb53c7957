// Captures the audio of another tab, which plays a WAV file.
//
//   node e2e/tab-audio.mjs --url http://localhost:8080 --wav FILE --out DIR --language en --screenshot NAME
//
// Prints a JSON object: level (the highest of the meter), utterances (of the transcript), phase, consoleErrors.
import { parseArgs } from "node:util";
import { consoleErrorsOf, finish, inProfile, options, shoot, start, SHARED_TAB } from "./browser.mjs";

const { values: args } = parseArgs({ options });

await inProfile(args, async (browser, page) => {
  const consoleErrors = consoleErrorsOf(page);
  await page.goto(args.url);
  const other = await browser.newPage();
  await other.goto(args.url);
  await other.evaluate((title) => (document.title = title), SHARED_TAB);
  await other.evaluate(() =>
    document.body.append(Object.assign(document.createElement("input"), { type: "file", id: "talk" })),
  );
  await other.locator("#talk").setInputFiles(args.wav);
  await page.bringToFront();
  await page.getByTestId("language").selectOption(args.language);
  await page.getByTestId("microphone").selectOption("display");
  await start(page);
  await page.locator("[data-testid=status][data-phase=listening]").waitFor({ timeout: 20_000 });
  await other.evaluate(play);
  await shoot(page, args, "tab");
  const shown = await finish(page, Number(args.seconds));
  const level = Math.max(...shown.timeline.map((moment) => moment.level));
  process.stdout.write(
    `${JSON.stringify({ level, utterances: shown.utterances, problems: shown.problems, phase: shown.phase, consoleErrors })}\n`,
  );
});

/** Runs in the other tab: plays the file. The content security policy allows no element to play it. */
async function play() {
  const context = new AudioContext();
  const [file] = document.querySelector("#talk").files;
  const source = context.createBufferSource();
  source.buffer = await context.decodeAudioData(await file.arrayBuffer());
  source.connect(context.destination);
  source.start();
}
