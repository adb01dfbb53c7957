// Drops a recording on the page, exports it in two languages, and opens and deletes sessions.
//
//   node e2e/library.mjs --url http://localhost:8080 --wav FILE --recording FILE --out DIR --screenshot NAME
//                        --language zh --target en
//
// Prints a JSON object: violations and sideways of the page with the hint where to drop, requested (parameters of the upload),
// texts, translations, bilingual (files by name), sizes (of the text in pixels: before, after, and after a reload),
// started (texts of a new session), reopened (texts), remaining (sessions after one was deleted, and after a reload), phase.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { scrollsSideways, violations } from "./accessibility.mjs";
import { inBrowser, options, shoot } from "./browser.mjs";

const { values: args } = parseArgs({
  options: { ...options, recording: { type: "string" } },
});
const WITHIN = { timeout: 60_000 };
// The library writes to the disk a little after each change.
const WRITTEN_MS = 300;

await inBrowser(args, async (page) => {
  const at = (name) => page.getByTestId(name);
  const texts = () => at("committed").allInnerTexts();
  const textSize = () =>
    at("committed")
      .first()
      .evaluate((node) => Number.parseFloat(getComputedStyle(node).fontSize));
  const inDialog = async (name, act) => {
    await at(name).click();
    const result = await act();
    if (await at("close").isVisible()) await at("close").click();
    return result;
  };
  const reload = async () => {
    await page.waitForTimeout(WRITTEN_MS);
    await page.reload();
  };
  const sessions = () => inDialog("sessions", () => at("open-session").count());

  await inDialog("options", () => at("terms").fill("选项卡"));
  const upload = page.waitForRequest((request) => request.url().includes("/v1/recordings"), WITHIN);
  const dropped = await drop(page, args.recording);
  const requested = Object.fromEntries(new URL((await upload).url()).searchParams);
  await at("recording-finished").waitFor(WITHIN);
  await page.locator("[data-testid=translation][data-final=true]").first().waitFor(WITHIN);
  const shown = {
    texts: await texts(),
    translations: await at("translation").allInnerTexts(),
  };
  await at("track").selectOption(`both:${args.target}`);
  const bilingual = await downloads(page, ["txt", "srt", "vtt"]);

  const sizes = [await textSize()];
  await inDialog("options", () => at("text-size").selectOption("200"));
  sizes.push(await textSize());
  await shoot(page, args, "large");
  await reload();
  await at("utterance").first().waitFor(WITHIN);
  sizes.push(await textSize());

  await inDialog("sessions", () => at("new-session").click());
  const started = await texts();
  await inDialog("sessions", () => at("open-session").first().click());
  const reopened = await texts();
  await inDialog("sessions", async () => {
    await at("delete-session").click();
    await at("delete-session").click();
  });
  const remaining = [await sessions()];
  await reload();
  await at("toggle").waitFor(WITHIN);
  remaining.push(await sessions());
  const phase = await at("status").getAttribute("data-phase");
  return {
    ...dropped,
    requested,
    ...shown,
    bilingual,
    sizes,
    started,
    reopened,
    remaining,
    phase,
  };
});

/** Drops a file on the page as a user does, and checks the page while the file is above it. */
async function drop(page, path) {
  const file = [basename(path), (await readFile(path)).toString("base64")];
  const dataTransfer = await page.evaluateHandle(([name, content]) => {
    const transfer = new DataTransfer();
    const bytes = Uint8Array.from(atob(content), (letter) => letter.codePointAt(0));
    transfer.items.add(new File([bytes], name, { type: "audio/flac" }));
    return transfer;
  }, file);
  const zone = page.locator(".drop-zone");
  await zone.dispatchEvent("dragover", { dataTransfer });
  await page.locator(".drop-hint").waitFor();
  await shoot(page, args, "drop");
  const found = {
    violations: await violations(page),
    sideways: await scrollsSideways(page),
  };
  await zone.dispatchEvent("drop", { dataTransfer });
  return found;
}

/** Presses the download buttons of these formats. Returns the files by name. */
async function downloads(page, formats) {
  const files = {};
  for (const format of formats) {
    const button = page.getByTestId(`download-${format}`);
    const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
    files[download.suggestedFilename()] = await readFile(await download.path(), "utf8");
  }
  return files;
}
