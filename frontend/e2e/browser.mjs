// Runs the page in Chromium with a WAV file (16-bit mono PCM at 48 kHz) as the microphone, and records what it shows.
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { chromium } from "playwright-core";

const DONE_TIMEOUT_MS = 60_000;

/** Title of the tab that the browser shares when a page asks for the audio of a tab. */
export const SHARED_TAB = "Talk";

/** Command line options of all drivers. */
export const options = {
  url: { type: "string", default: "http://localhost:8080" },
  wav: { type: "string" },
  seconds: { type: "string", default: "10" },
  out: { type: "string", default: "artifacts" },
  language: { type: "string", default: "auto" },
  target: { type: "string", default: "" },
  screenshot: { type: "string", default: "page" },
  size: { type: "string", default: "1280x800" },
  dark: { type: "boolean", default: false },
};

/** Opens the page, calls `act`, and prints its result as JSON. The exit status is 1 if the page is not idle afterwards. */
export async function inBrowser(args, act) {
  await inProfile(args, async (browser, page) => {
    const consoleErrors = consoleErrorsOf(page);
    await page.goto(args.url);
    await page.getByTestId("language").selectOption(args.language === "zh" ? "zh-Hans" : args.language);
    await page.getByTestId("target").selectOption(args.target);
    const report = { ...(await act(page)), consoleErrors };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    process.exitCode = report.phase === "idle" ? 0 : 1;
  });
}

/** Collects errors from the console of a page while it is open. */
export function consoleErrorsOf(page) {
  const consoleErrors = [];
  page.on("console", (message) => message.type() === "error" && consoleErrors.push(message.text()));
  page.on("pageerror", (error) => consoleErrors.push(String(error)));
  return consoleErrors;
}

/** Starts a browser with an empty profile, and calls `act` with its first page. */
export async function inProfile(args, act) {
  if (args.wav === undefined) throw new Error("the option --wav is required");
  const profile = await mkdtemp(join(tmpdir(), "nova-e2e-"));
  await mkdir(args.out, { recursive: true });
  const browser = await launch(args, profile);
  try {
    await act(browser, browser.pages()[0] ?? (await browser.newPage()));
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/** Presses Start, and records every change of the page with its time from then on. */
export async function start(page) {
  await page.evaluate(watch);
  await page.getByTestId("toggle").click();
}

/** Milliseconds since Start. */
export async function elapsed(page) {
  return page.evaluate(() => Math.round(performance.now() - globalThis.startedAt));
}

/** Presses Stop after `seconds` of speech and waits for the last words. Returns the time of Stop and what was shown. */
export async function finish(page, seconds) {
  await page.waitForTimeout(Math.max(0, seconds * 1000 - (await elapsed(page))));
  const stoppedAt = await elapsed(page);
  await page.getByTestId("toggle").click();
  const settled = page.locator("[data-testid=status][data-phase=idle], [data-testid=status][data-phase=failed]");
  await settled.waitFor({ timeout: DONE_TIMEOUT_MS });
  await page.waitForTimeout(200);
  const problems = await page.locator("[data-testid=problem], [data-testid=notice]").allInnerTexts();
  return { stoppedAt, ...(await page.evaluate(() => globalThis.shownSoFar())), problems };
}

export async function shoot(page, args, moment) {
  await page.screenshot({ path: join(args.out, `${args.screenshot}-${moment}.png`) });
}

function launch(args, profile) {
  const [width, height] = args.size.split("x").map(Number);
  return chromium.launchPersistentContext(profile, {
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
      `--auto-select-tab-capture-source-by-title=${SHARED_TAB}`,
      "--autoplay-policy=no-user-gesture-required",
      `--use-file-for-fake-audio-capture=${resolve(args.wav)}${args.loop ? "" : "%noloop"}`,
    ],
  });
}

/** Runs in the page: records every change with its time. */
function watch() {
  // A paragraph may consist of several utterances.
  const text = (node, name) =>
    [...node.querySelectorAll(`[data-testid=${name}]`)].map(({ textContent }) => textContent).join("");
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
  const record = () => {
    const { level, ...now } = read();
    const key = JSON.stringify(now);
    if (key !== last) timeline.push({ t: Math.round(performance.now() - globalThis.startedAt), level, ...now });
    last = key;
  };
  globalThis.startedAt = performance.now();
  globalThis.shownSoFar = () => ({ timeline, ...read() });
  new MutationObserver(record).observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["data-phase", "data-state", "data-final"],
  });
}

function browserPath() {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const found = (process.env.PATH ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const path = process.env.CHROMIUM ?? found.find(existsSync);
  if (path === undefined) throw new Error("no Chromium on the PATH; set CHROMIUM to its path");
  return path;
}
