// Visits every state of the page, checks each with axe-core, on a desktop, on a phone in the dark and at 200 %, and takes
// screenshots.
//
//   node e2e/states.mjs --url http://localhost:8080 --wav FILE --seconds N --recording FILE --out DIR
//                       --screenshot NAME --language en [--size 390x844] [--dark] [--locale ar] [--brief]
//
// With --brief it visits only the states that need no speech, and only in the window of --size.
//
// Prints a JSON object: violations (by state), sideways (states that scroll in two directions), and what the page showed:
// spoken, edited, reloaded, found, announced, cleared, undone (texts), warns (before leaving), progress (of the recording: phase and share),
// downloads (of the recording), fieldShare (of the width of a phone, for editing), refused, targets (codes), direction, consoleErrors.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { scrollsSideways, violations } from "./accessibility.mjs";
import { consoleErrorsOf, finish, inProfile, options, shoot, start } from "./browser.mjs";
import { watchProgress } from "./progress.mjs";

const more = { recording: { type: "string" }, locale: { type: "string", default: "" }, brief: { type: "boolean" } };
const { values: args } = parseArgs({ options: { ...options, ...more } });
const WITHIN = { timeout: 60_000 };
const [width, height] = args.size.split("x").map(Number);
const OWN_VIEW = { ending: "", width, height, colorScheme: args.dark ? "dark" : "light" };
// A window of 1280 by 800 at 200 % has 640 by 400 CSS pixels.
const VIEWS = [
  { ending: "-phone-dark", width: 390, height: 844, colorScheme: "dark" },
  { ending: "-200%", width: 640, height: 400, colorScheme: "light" },
];
const ZOOM_400 = { ending: "-400%", width: 320, height: 256, colorScheme: "light" };

await inProfile(args, async (browser, page) => {
  const report = { violations: {}, sideways: [] };
  const at = (name) => page.getByTestId(name);
  const texts = () => at("committed").allInnerTexts();
  const checkIn = async ({ ending, width, height, colorScheme }, state) => {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    await page.evaluate(() => document.fonts.ready);
    await shoot(page, args, state + ending);
    const found = await violations(page);
    if (found.length > 0) report.violations[state + ending] = found;
    if (await scrollsSideways(page)) report.sideways.push(state + ending);
  };
  const check = async (state) => {
    for (const view of args.brief ? [] : VIEWS) await checkIn(view, state);
    await checkIn(OWN_VIEW, state);
  };
  report.consoleErrors = consoleErrorsOf(page);
  await page.goto(args.url);
  await at("target")
    .locator("option[value=more]")
    .waitFor({ ...WITHIN, state: "attached" });
  await at("options").click();
  await at("locale").selectOption(args.locale);
  await at("terms").fill("Nova Voice");
  await check("options");
  await at("close").click();
  report.direction = await page.evaluate(() => document.documentElement.dir);
  report.targets = await at("target").evaluate((select) => [...select.options].map(({ value }) => value));
  await at("target").selectOption("more");
  await check("languages");
  await page.keyboard.press("Escape");
  await check("empty");
  if (args.brief) {
    await at("sessions").click();
    await check("sessions");
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }

  await start(page);
  await at("pending")
    .or(at("tentative").filter({ hasText: /\S/ }))
    .first()
    .waitFor(WITHIN);
  await check("speaking");
  report.warns = { speaking: await page.evaluate(warnsBeforeLeaving) };
  report.spoken = (await finish(page, Number(args.seconds))).utterances;
  report.announced = await at("announcements").locator("p").allInnerTexts();
  report.warns.idle = await page.evaluate(warnsBeforeLeaving);
  await at("utterance").first().hover();
  await check("done");

  await at("edit").first().click();
  await at("edit-text").first().fill("Edited by hand.");
  await check("editing");
  await page.setViewportSize(VIEWS[0]);
  report.fieldShare = await at("edit-text")
    .first()
    .evaluate((field) => field.offsetWidth / field.closest("li").offsetWidth);
  await at("save-edit").click();
  report.edited = await texts();
  await page.waitForTimeout(300);
  await page.reload();
  await at("utterance").first().waitFor(WITHIN);
  report.reloaded = await texts();

  await at("clear").click();
  await at("undo-clear").waitFor();
  report.cleared = await texts();
  await check("cleared");
  await at("undo-clear").click();
  report.undone = await texts();

  await at("sessions").click();
  await at("rename").click();
  await at("session-name").fill("Talk with Ana");
  await at("save-name").click();
  await at("search").fill("ana");
  report.found = await at("open-session").allInnerTexts();
  await check("sessions");
  await at("new-session").click();

  await at("file").setInputFiles({
    name: "notes.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("no sound ".repeat(99)),
  });
  await at("recording-problem").waitFor(WITHIN);
  report.refused = await at("recording-problem").getAttribute("data-code");
  await check("refused");

  Object.assign(report, await transcribe());
  await check("recording-done");
  await checkIn(ZOOM_400, "recording-done");
  process.stdout.write(`${JSON.stringify(report)}\n`);

  /** Transcribes the recording, and downloads its subtitles. */
  async function transcribe() {
    await page.evaluate(watchProgress);
    await at("file").setInputFiles(args.recording);
    await at("recording").and(page.locator("[data-phase=transcribing]")).waitFor(WITHIN);
    await page.waitForFunction(
      () => globalThis.progress.some(([phase, share]) => phase === "transcribing" && share > 0),
      undefined,
      WITHIN,
    );
    await check("recording");
    await at("recording-finished").waitFor({ timeout: 240_000 });
    const downloads = {};
    for (const format of ["txt", "srt", "vtt"]) {
      const [download] = await Promise.all([page.waitForEvent("download"), at(`download-${format}`).click()]);
      downloads[download.suggestedFilename()] = await readFile(await download.path(), "utf8");
    }
    return { progress: await page.evaluate(() => globalThis.progress), downloads };
  }
});

/** Runs in the page: whether the browser would ask before it leaves the page. */
function warnsBeforeLeaving() {
  return !globalThis.dispatchEvent(new Event("beforeunload", { cancelable: true }));
}
