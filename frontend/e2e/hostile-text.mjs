// Shows hostile text from a server: in the page, in its exports, and in the subtitles of the desktop client.
//
//   node e2e/hostile-text.mjs --url http://localhost:8080 --wav FILE --texts FILE --out DIR --screenshot NAME
//
// The page comes from a real gateway, with its security headers. Its WebSocket is answered here: for each text of the
// JSON file `--texts` a partial, a final and a translation, then a notice and an error. Prints a JSON object: page and
// desktop, each with committed, translations, notices, drawn (lines of the overlay), downloads, and what must not happen:
// scripts that ran, elements that the text created, violations of the content security policy, text outside the window.
// `canary` is the same report after the first text was inserted as HTML.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { consoleErrorsOf, inProfile, options, shoot } from "./browser.mjs";
import { fakeShell, openOverlay } from "./fake-shell.mjs";
import { insertAsHtml, inspect, watchForScripts } from "./script-watch.mjs";

const { values: args } = parseArgs({ options: { ...options, texts: { type: "string" } } });
const texts = JSON.parse(await readFile(args.texts, "utf8"));
const PLACES = ".transcript, .notices, .overlay";
const settings = { isSetUp: true, isReady: false, mode: "captions", language: "en", subtitles: { isServed: true } };

await inProfile(args, async (browser, page) => {
  await browser.addInitScript(watchForScripts);
  await browser.routeWebSocket(/\/v1\/stream/, answer);
  const consoleErrors = consoleErrorsOf(page);
  await page.goto(args.url);
  await page.getByTestId("target").selectOption("es");
  const inPage = await speak(page, async () => ({ downloads: await downloadAll(page) }));
  const server = args.url.replace(/^http/, "ws") + "/v1/stream";
  await browser.addInitScript(fakeShell, { server, settings: JSON.stringify(settings) });
  await page.goto(args.url);
  const overlay = await openOverlay(browser, args, "overlay", { width: 896, height: 400 });
  const inDesktop = await speak(page, async () => {
    const begin = texts[0].slice(0, 8); // a line may end within the text
    await overlay.waitForFunction((text) => document.body.textContent.includes(text), begin, { timeout: 10_000 });
    await shoot(overlay, args, "overlay");
    return { drawn: await drawnLines(page), overlay: await inspect(overlay, PLACES) };
  });
  const errors = [...consoleErrors];
  const canary = await insertAsHtml(page, texts[0], ".notices");
  process.stdout.write(`${JSON.stringify({ page: inPage, desktop: inDesktop, consoleErrors: errors, canary })}\n`);
});

/** Answers as a gateway whose models return hostile text. */
function answer(socket) {
  const send = (message) => socket.send(JSON.stringify(message));
  let isStarted = false;
  socket.onMessage((message) => {
    if (typeof message !== "string") return;
    const { type } = JSON.parse(message);
    if (type === "stop") {
      send({ type: "done" });
      socket.close({ code: 1000 });
    } else if (!isStarted) {
      isStarted = true;
      for (const event of events()) send(event);
    }
  });
}

function events() {
  const all = [{ type: "ready", session: "s", resume_token: "t" }];
  texts.forEach((text, index) => {
    const [utterance, start_ms, cursor] = [index + 1, index * 1000, `${2 * index + 1}-0`];
    const place = { utterance, start_ms, end_ms: start_ms + 900, language: "en" };
    all.push(
      { type: "partial", revision: 1, committed: text, tentative: text, ...place },
      { type: "final", text, confidence: 1, cursor, ...place },
      { type: "translation", utterance, text, language: "es", is_final: true, cursor: `${2 * index + 2}-0` },
    );
  });
  const last = { utterance: texts.length + 1, revision: 1, language: "en", start_ms: 1e6, end_ms: 1e6 + 1 };
  return [
    ...all,
    { type: "partial", committed: texts[0], tentative: texts[0], ...last },
    { type: "notice", code: "unheard_of", message: texts[0] },
    { type: "error", code: texts[0], message: texts[0], fatal: false },
  ];
}

/** Presses Start, waits for the last event, calls `act`, and reports what the window shows. */
async function speak(page, act) {
  await page.getByTestId("toggle").click();
  await page.locator("[data-testid=notice]").nth(1).waitFor({ timeout: 10_000 });
  const acted = await act();
  await shoot(page, args, "done");
  const all = (name) => page.locator(`[data-testid=${name}]`).evaluateAll((found) => found.map((e) => e.textContent));
  return {
    committed: await all("committed"),
    translations: await all("translation"),
    notices: await all("notice"),
    ...(await inspect(page, PLACES)),
    ...acted,
  };
}

/** Returns all lines that the desktop client has sent to its overlay, in their last state. */
async function drawnLines(page) {
  return page.evaluate(() => {
    const lines = globalThis.shell.shown.flatMap(({ target, content }) =>
      target === "overlay" ? (content?.texts.flatMap((text) => text.lines) ?? []) : [],
    );
    return Object.values(Object.fromEntries(lines.map((line) => [line.key, line.committed + line.tentative])));
  });
}

async function downloadAll(page) {
  const downloads = {};
  for (const format of ["txt", "srt", "vtt", "json"]) {
    const button = page.getByTestId(`download-${format}`);
    const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
    downloads[format] = await readFile(await download.path(), "utf8");
  }
  return downloads;
}
