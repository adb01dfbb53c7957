// Transcribes a WAV file in the page, and records what it shows.
//
//   node e2e/transcribe.mjs --url http://localhost:8080 --wav FILE --seconds N --out DIR --language en --target es
//                      --screenshot NAME [--size 1280x800] [--dark]
//
// FILE is 16-bit mono PCM at 48 kHz. Chromium is taken from $CHROMIUM or the PATH. Prints a JSON object: timeline (the
// content of the page at t ms after Start, one entry per change), utterances (at the end), copied and downloads (results of
// the buttons), problems. The exit status is 1 if the page is not idle at the end.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { finish, inBrowser, options, shoot, start } from "./browser.mjs";

const { values: args } = parseArgs({ options });

await inBrowser(args, async (page) => {
  const seconds = Number(args.seconds);
  await shoot(page, args, "before");
  await start(page);
  await shootTentative(page, (seconds * 1000) / 2);
  const shown = await finish(page, seconds);
  await shoot(page, args, "done");
  const exported =
    shown.phase === "idle" && shown.utterances.length > 0 ? await exportAll(page) : { copied: "", downloads: {} };
  return { ...shown, ...exported };
});

/** Presses Copy and all download buttons, and returns their results. */
async function exportAll(page) {
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

/** Takes a screenshot when tentative text is visible, at the earliest after `delay`; without such text, a bit later. */
async function shootTentative(page, delay) {
  await page.waitForTimeout(delay);
  const tentative = page.locator("[data-testid=tentative]:not(:empty)").first();
  await tentative.waitFor({ timeout: delay / 2 }).catch(() => undefined);
  await shoot(page, args, "speaking");
}
