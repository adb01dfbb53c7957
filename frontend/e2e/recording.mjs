// Chooses a recording on the page, and follows its progress.
//
//   node e2e/recording.mjs --url http://localhost:8080 --wav FILE --recording FILE --out DIR --screenshot NAME
//
// Prints a JSON object: progress (phase and share of each change of the progress bar), downloads (files by name),
// utterances (number of paragraphs), reloaded (their number after a reload), sessions (titles), phase, consoleErrors.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { inBrowser, options, shoot } from "./browser.mjs";
import { watchProgress } from "./progress.mjs";

const { values: args } = parseArgs({ options: { ...options, recording: { type: "string" } } });

await inBrowser(args, async (page) => {
  const at = (name) => page.getByTestId(name);
  await page.evaluate(watchProgress);
  await at("file").setInputFiles(args.recording);
  await at("recording-finished").waitFor({ timeout: 780_000 });
  await shoot(page, args, "done");
  const progress = await page.evaluate(() => globalThis.progress);
  const downloads = {};
  for (const format of ["txt", "srt", "vtt", "json"]) {
    const [download] = await Promise.all([page.waitForEvent("download"), at(`download-${format}`).click()]);
    downloads[download.suggestedFilename()] = await readFile(await download.path(), "utf8");
  }
  const utterances = await at("utterance").count();
  await page.waitForTimeout(300);
  await page.reload();
  await at("utterance").first().waitFor();
  const reloaded = await at("utterance").count();
  await at("sessions").click();
  const sessions = await at("open-session").locator(".session-title").allInnerTexts();
  return { progress, downloads, utterances, reloaded, sessions, phase: await at("status").getAttribute("data-phase") };
});
