// Speaks a WAV file into the page, in a real browser, and tells what was shown when.
//
//   node e2e/speak.mjs --url http://localhost:8080 --wav FILE --seconds N --out DIR --language en --target es
//                      --screenshot NAME [--size 1280x800] [--dark]
//
// FILE is 16-bit mono PCM at 48 kHz. Chromium comes from $CHROMIUM or the PATH. One JSON object goes to stdout:
// timeline (what was on the page at t ms after Start, one entry a change), utterances (at the end), copied and
// downloads (what the buttons gave), problems. The exit status is 1 when the page did not get to its end.
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: args } = parseArgs({
  options: {
    url: { type: "string", default: "http://localhost:8080" },
    wav: { type: "string" },
    seconds: { type: "string", default: "10" },
    out: { type: "string", default: "artifacts" },
    language: { type: "string", default: "auto" },
    target: { type: "string", default: "" },
    screenshot: { type: "string", default: "page" },
    size: { type: "string", default: "1280x800" },
    dark: { type: "boolean", default: false },
  },
});
if (args.wav === undefined) throw new Error("--wav FILE is missing");

const DONE_WITHIN_MS = 60_000;
const [width, height] = args.size.split("x").map(Number);
const profile = await mkdtemp(join(tmpdir(), "nova-e2e-"));
await mkdir(args.out, { recursive: true });

const browser = await chromium.launchPersistentContext(profile, {
  executablePath: browserPath(),
  headless: true,
  viewport: { width, height },
  colorScheme: args.dark ? "dark" : "light",
  permissions: ["microphone", "clipboard-read", "clipboard-write"],
  acceptDownloads: true,
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-audio-capture=${resolve(args.wav)}%noloop`,
  ],
});

try {
  const page = browser.pages()[0] ?? (await browser.newPage());
  const report = await speak(page);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = report.phase === "idle" ? 0 : 1;
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}

async function speak(page) {
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(args.url);
  const toggle = page.getByTestId("toggle");
  await page.getByTestId("language").selectOption(args.language);
  await page.getByTestId("target").selectOption(args.target);
  await shoot(page, "before");

  await page.evaluate(watch);
  await toggle.click();
  await shootGuess(page, (Number(args.seconds) * 1000) / 2);
  const elapsed = await page.evaluate(() => performance.now() - globalThis.startedAt);
  await page.waitForTimeout(Math.max(0, Number(args.seconds) * 1000 - elapsed));
  const stoppedAt = await page.evaluate(() => Math.round(performance.now() - globalThis.startedAt));
  await toggle.click();
  const settled = page.locator('[data-testid=status][data-phase=idle], [data-testid=status][data-phase=failed]');
  await settled.waitFor({ timeout: DONE_WITHIN_MS });
  await page.waitForTimeout(200);
  await shoot(page, "done");

  const { timeline, phase, utterances } = await page.evaluate(() => globalThis.shownUntilNow());
  const problems = await page.locator("[data-testid=problem], [data-testid=note]").allInnerTexts();
  const kept = phase === "idle" && utterances.length > 0 ? await takeAlong(page) : { copied: "", downloads: {} };
  return { stoppedAt, phase, utterances, ...kept, problems, complaints, timeline };
}

/** Runs in the page: notes every change of what is shown, with its time. */
function watch() {
  const text = (node, name) => node.querySelector(`[data-testid=${name}]`)?.textContent ?? "";
  const read = () => ({
    phase: document.querySelector("[data-testid=status]")?.dataset.phase,
    level: Number(document.querySelector("[data-testid=level]")?.getAttribute("aria-valuenow")),
    utterances: [...document.querySelectorAll("[data-testid=utterance]")].map((node) => ({
      state: node.dataset.state,
      committed: text(node, "committed"),
      tentative: text(node, "tentative"),
      translations: [...node.querySelectorAll("[data-testid=translation]")].map((line) => ({
        language: line.lang,
        text: line.textContent,
        isFinal: line.dataset.final === "true",
      })),
    })),
  });
  const timeline = [];
  let last = "";
  const note = () => {
    const { level, ...now } = read();
    const key = JSON.stringify(now);
    if (key !== last) timeline.push({ t: Math.round(performance.now() - globalThis.startedAt), level, ...now });
    last = key;
  };
  globalThis.startedAt = performance.now();
  globalThis.shownUntilNow = () => ({ timeline, ...read() });
  new MutationObserver(note).observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["data-phase", "data-state", "data-final"],
  });
}

/** Presses Copy and every download button, and returns what they gave. */
async function takeAlong(page) {
  await page.getByTestId("copy").click();
  await page.getByTestId("copy").filter({ hasText: "Copied" }).waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  const downloads = {};
  for (const format of ["txt", "srt", "vtt"]) {
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
  await shoot(page, "speaking");
}

async function shoot(page, moment) {
  await page.screenshot({ path: join(args.out, `${args.screenshot}-${moment}.png`) });
}

function browserPath() {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const found = (process.env.PATH ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const path = process.env.CHROMIUM ?? found.find(existsSync);
  if (path === undefined) throw new Error("no Chromium on the PATH: set CHROMIUM to one");
  return path;
}
