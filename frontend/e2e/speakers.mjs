// Turns on the speakers of the page, lets two people speak, renames one of them, and then transcribes a recording with the
// text of one enrolled voice only.
//
//   node e2e/speakers.mjs --url http://localhost:8080 --wav FILE --seconds N --recording FILE --voice NAME --out DIR
//                         --screenshot NAME --language en
//
// Prints a JSON object: violations (by state), shown (speaker and text of each line), renamed and reloaded (the same, after
// the first speaker was renamed, and after a reload), focused (whether the label has the focus again), announced (texts),
// downloads (by format), voices (choices), only (lines of the recording), ignored (status), phase, consoleErrors.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { scrollsSideways, violations } from "./accessibility.mjs";
import { finish, inBrowser, options, shoot, start } from "./browser.mjs";

const more = { recording: { type: "string" }, voice: { type: "string" } };
const { values: args } = parseArgs({ options: { ...options, ...more } });
const WITHIN = { timeout: 60_000 };

await inBrowser(args, async (page) => {
  const report = { violations: {} };
  const at = (name) => page.getByTestId(name);
  const check = async (state) => {
    await shoot(page, args, state);
    const found = await violations(page);
    if (await scrollsSideways(page)) found.push("scrolls sideways");
    if (found.length > 0) report.violations[state] = found;
  };
  await at("options").click();
  await at("speakers").check();
  await at("only-speaker").waitFor(WITHIN);
  report.voices = await at("only-speaker").locator("option").allInnerTexts();
  await check("options");
  await at("close").click();

  await start(page);
  await finish(page, Number(args.seconds));
  report.shown = await page.evaluate(lines);
  report.announced = await at("announcements").locator("p").allInnerTexts();
  await check("labels");

  // With the keyboard alone.
  await at("rename-speaker").first().focus();
  await page.keyboard.press("Enter");
  await at("speaker-name").waitFor(WITHIN);
  await check("renaming");
  await page.keyboard.type("Eva");
  await page.keyboard.press("Enter");
  await at("speaker-name").waitFor({ ...WITHIN, state: "detached" });
  report.focused = await page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  report.renamed = await page.evaluate(lines);
  report.downloads = {};
  for (const format of ["txt", "srt", "vtt", "json"]) {
    const [download] = await Promise.all([page.waitForEvent("download"), at(`download-${format}`).click()]);
    report.downloads[format] = await readFile(await download.path(), "utf8");
  }
  await page.waitForTimeout(300);
  await page.reload();
  await at("utterance").first().waitFor(WITHIN);
  report.reloaded = await page.evaluate(lines);
  await page.emulateMedia({ colorScheme: "dark" });
  await check("dark");
  await page.setViewportSize({ width: 390, height: 844 });
  await check("phone");

  await at("options").click();
  await at("only-speaker").selectOption(args.voice);
  await at("close").click();
  await at("sessions").click();
  await at("new-session").click();
  await page.evaluate(watchStatus);
  await at("file").setInputFiles(args.recording);
  await at("recording-finished").waitFor({ timeout: 240_000 });
  report.only = await page.evaluate(lines);
  report.ignored = await page.evaluate(() => globalThis.ignored);
  await check("only");
  return { ...report, phase: await at("status").getAttribute("data-phase") };
});

/** Runs in the page: the speaker and the text of each line. A speaker who continues has a mark with the name. */
function lines() {
  let speaker = "";
  const nodes = document.querySelectorAll(
    "[data-testid=speaker], [data-testid=same-speaker], .utterance p.speaker, .utterance-text",
  );
  return [...nodes].flatMap((node) => {
    if (node.classList.contains("utterance-text")) return [[speaker, node.textContent]];
    speaker = node.textContent;
    return [];
  });
}

/** Runs in the page: collects what the status says about ignored speech. */
function watchStatus() {
  globalThis.ignored = [];
  new MutationObserver(() => {
    const text = document.querySelector("[data-testid=ignored]")?.textContent;
    if (text !== undefined && !globalThis.ignored.includes(text)) globalThis.ignored.push(text);
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}
