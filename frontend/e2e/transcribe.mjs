// Speaks a WAV file into the page, in a real browser, and tells what was shown when.
//
//   node e2e/transcribe.mjs --url http://localhost:8080 --wav FILE --seconds N --out DIR --language en --target es
//                      --screenshot NAME [--size 1280x800] [--dark]
//
// FILE is 16-bit mono PCM at 48 kHz. Chromium comes from $CHROMIUM or the PATH. One JSON object goes to stdout:
// timeline (what was on the page at t ms after Start, one entry a change), utterances (at the end), copied and
// downloads (what the buttons gave), problems. The exit status is 1 when the page did not get to its end.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { finish, inBrowser, options, shoot, start } from "./browser.mjs";

const { values: args } = parseArgs({ options });

await inBrowser(args, async (page) => {
  const seconds = Number(args.seconds);
  await shoot(page, args, "before");
  await start(page);
  await shootGuess(page, (seconds * 1000) / 2);
  const shown = await finish(page, seconds);
  await shoot(page, args, "done");
  const kept =
    shown.phase === "idle" && shown.utterances.length > 0 ? await takeAlong(page) : { copied: "", downloads: {} };
  return { ...shown, ...kept };
});

/** Presses Copy and every download button, and returns what they gave. */
async function takeAlong(page) {
  await page.getByTestId("copy").click();
  await page.getByTestId("copy").filter({ hasText: "Copied" }).waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  const downloads = {};
  for (const format of ["txt", "srt", "vtt", "json"]) {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByTestId(`download-${format}`).click(),
    ]);
    downloads[download.suggestedFilename()] = await readFile(await download.path(), "utf8");
  }
  return { copied, downloads };
}

/** After `delay`, the first moment at which words are shown that may still change; any moment when none come. */
async function shootGuess(page, delay) {
  await page.waitForTimeout(delay);
  const guess = page.locator("[data-testid=tentative]:not(:empty)").first();
  await guess.waitFor({ timeout: delay / 2 }).catch(() => undefined);
  await shoot(page, args, "speaking");
}
