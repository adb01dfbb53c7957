// Shows hostile names: of files, windows of other programs and microphones. Also texts that the desktop client stores, and
// that its shell and a local server report.
//
//   node e2e/hostile-names.mjs --url http://localhost:8080 --wav FILE --names FILE --files FOLDER --out DIR --screenshot NAME
//
// `--names` is a JSON file with names; the folder `--files` has a recording of each name. The page comes from a real gateway
// with its security headers, the desktop client has those of its shell. The WebSocket is answered here. Prints a JSON object: views (of the page and of each part of
// the desktop client: scripts that ran, elements that text created, violations of the content security policy, text
// outside the window), shown (what each part shows for the names), played (chosen files that were sent to the end), canary
// (the view after a name was inserted as HTML), and consoleErrors.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { consoleErrorsOf, inProfile, options, shoot } from "./browser.mjs";
import { fakeShell } from "./fake-shell.mjs";
import { insertAsHtml, inspect, watchForScripts } from "./script-watch.mjs";

const { values: args } = parseArgs({ options: { ...options, names: { type: "string" }, files: { type: "string" } } });
const names = JSON.parse(await readFile(args.names, "utf8"));
const settings = { isSetUp: true, isReady: false, mode: "captions", language: "en" };
const PLACES = "select, .invitation, .settings-rows, .sessions, .opened, .notices, .health";

await inProfile(args, async (browser, page) => {
  await browser.addInitScript(watchForScripts);
  await browser.addInitScript(nameMicrophones, names);
  const audio = { bytes: 0 };
  await browser.routeWebSocket(/\/v1\/stream/, (socket) => answer(socket, audio));
  const consoleErrors = consoleErrorsOf(page);
  const [views, shown] = [{}, {}];
  const look = async (name) => {
    await shoot(page, args, name);
    views[name] = await inspect(page, PLACES);
  };

  await page.goto(args.url);
  shown.microphones = await microphones(page);
  await look("page");

  const server = args.url.replace(/^http/, "ws") + "/v1/stream";
  await browser.addInitScript(fakeShell, { server, settings: JSON.stringify(settings) });
  await browser.addInitScript(nameWindows, names);
  await browser.route(`${args.url}/`, await withShellPolicy());
  await page.goto(args.url);
  shown.desktopMicrophones = await microphones(page);
  shown.windows = await windows(page);
  await look("windows");
  const played = await playFiles(page, shown, look, audio);
  shown.history = await history(page, look);
  shown.settings = await settingsTexts(page, look);
  await page.getByTestId("mode-dictation").click();
  shown.cautions = await page.locator(".invitation .caution").allTextContents();
  await look("dictation");

  const errors = [...consoleErrors];
  const canary = await insertAsHtml(page, names[0], ".invitation");
  process.stdout.write(`${JSON.stringify({ views, shown, played, canary, consoleErrors: errors })}\n`);
});

/** Serves the page with the security policy of the desktop client, which allows it to play a chosen file. */
async function withShellPolicy() {
  const source = await readFile("main/pages/app-protocol.ts", "utf8");
  const [, directives] = /POLICY = \[([^\]]*)\]/.exec(source);
  const policy = directives.match(/"[^"]*"/g).map(JSON.parse).join("; ");
  return async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), "content-security-policy": policy } });
  };
}

/** Runs in every window before its own scripts: microphones have these names. */
function nameMicrophones(labels) {
  const list = labels.map((label, index) => ({ kind: "audioinput", deviceId: `mic-${index}`, groupId: "", label }));
  navigator.mediaDevices.enumerateDevices = async () => list;
}

/** Runs after the fake shell: windows of other programs and the problems of the shell have these names. */
function nameWindows(titles) {
  const { environment } = globalThis.nova;
  const listeners = new Set();
  globalThis.startServer = (line) => {
    for (const listener of listeners) listener({ phase: "starting", line });
  };
  Object.assign(globalThis.nova, {
    audioSources: async () => titles.map((name, index) => ({ id: `window:${index}:0`, name, kind: "window" })),
    onServerState: (listener) => listeners.add(listener),
    environment: async () => ({ ...(await environment()), typingProblem: titles[0], shortcutProblem: titles[1] }),
  });
}

/** Answers as a gateway that recognizes nothing, and counts the audio. */
function answer(socket, audio) {
  const send = (message) => socket.send(JSON.stringify(message));
  socket.onMessage((message) => {
    if (typeof message !== "string") {
      audio.bytes += message.length;
      return;
    }
    const { type } = JSON.parse(message);
    if (type === "start" || type === "resume") send({ type: "ready", session: "s", resume_token: "t" });
    if (type !== "stop") return;
    send({ type: "done" });
    socket.close({ code: 1000 });
  });
}

/** Returns the names in a menu, without the entries that the page itself names. */
function entries(page, menu, own) {
  return page
    .getByTestId(menu)
    .locator("option")
    .evaluateAll((all, values) => all.filter((one) => !values.includes(one.value)).map((one) => one.textContent), own);
}

async function microphones(page) {
  const menu = page.getByTestId("microphone");
  await menu.locator("option").nth(names.length).waitFor({ state: "attached", timeout: 10_000 });
  return entries(page, "microphone", ["", "microphone:", "display", "file"]);
}

async function windows(page) {
  const menu = page.getByTestId("source");
  await menu.focus();
  await menu.locator("option").nth(names.length).waitFor({ state: "attached", timeout: 10_000 });
  const all = await entries(page, "source", ["microphone", "file"]);
  await menu.selectOption({ value: "window:0:0" });
  return all;
}

/** Chooses each file, and plays the first one. Returns the number of files whose audio was sent to the end. */
async function playFiles(page, shown, look, audio) {
  shown.files = [];
  for (const name of names) {
    await page.getByTestId("file").setInputFiles(join(args.files, name));
    const chosen = page.getByTestId("source").locator("option:checked");
    shown.files.push(await chosen.textContent());
  }
  await look("file");
  let played = 0;
  for (const name of names.slice(0, 2)) {
    await page.getByTestId("file").setInputFiles(join(args.files, name));
    const before = audio.bytes;
    await page.getByTestId("toggle").click();
    await page.locator("[data-testid=status]:not([data-phase=idle])").waitFor({ timeout: 10_000 });
    await page.locator("[data-testid=status][data-phase=idle]").waitFor({ timeout: 20_000 });
    if (audio.bytes > before) played += 1;
  }
  await look("played");
  return played;
}

/** Stores one session for each name, and returns their titles, newest first, and the text of one that is opened. */
async function history(page, look) {
  await page.evaluate(storeSessions, names);
  await page.reload();
  await page.getByTestId("tab-history").click();
  await page.getByTestId("session").nth(names.length - 1).waitFor({ timeout: 10_000 });
  const titles = await page.locator(".session-title").allTextContents();
  await look("history");
  await page.getByTestId("session").last().click();
  const opened = await page.getByTestId("committed").allTextContents();
  await look("opened");
  return { titles, opened };
}

function storeSessions(texts) {
  texts.forEach((text, index) => {
    const utterance = {
      ...{ id: "1/1", take: 1, number: 1, state: "final", committed: text, tentative: "", language: "en" },
      ...{ startMs: 0, endMs: 900, revision: 1, translations: {} },
    };
    localStorage.setItem(`nova.session.${1_763_700_000_000 + index * 1000}`, JSON.stringify([utterance]));
  });
}

/** Writes the names into the fields of the settings, and returns their content after a reload. */
async function settingsTexts(page, look) {
  const at = (name) => page.getByTestId(name);
  await at("tab-settings").click();
  await at("dictionary").fill(names.join("\n"));
  await page.evaluate((line) => globalThis.startServer(line), names[0]);
  const server = await at("server-state").textContent();
  await at("server-remote").click();
  await at("address").fill(names[0]);
  await at("test-server").click();
  await page.waitForTimeout(400);
  await look("settings");
  await page.reload();
  await at("tab-settings").click();
  const texts = { server, dictionary: await at("dictionary").inputValue(), address: await at("address").inputValue() };
  texts.cautions = await page.locator(".settings-rows .caution").allTextContents();
  await look("restored");
  await at("tab-speak").click();
  return texts;
}
