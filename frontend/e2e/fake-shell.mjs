// Runs the desktop client's windows in a browser, with a fake shell in place of Electron. It stores the settings,
// records what is typed, and forwards content to the overlay windows.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { consoleErrorsOf, inProfile } from "./browser.mjs";

/** Opens the main window with these settings, calls `act`, and prints its result as JSON. */
export async function inDesktop(args, settings, act) {
  await inProfile(args, async (browser, page) => {
    await browser.addInitScript(fakeShell, {
      server: args.url.replace(/^http/, "ws") + "/v1/stream",
      settings: JSON.stringify(settings),
    });
    const consoleErrors = consoleErrorsOf(page);
    await page.goto(args.url);
    const report = { ...(await act(page, browser)), consoleErrors };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  });
}

/** Opens the page of an overlay window. */
export async function openOverlay(browser, args, name, size) {
  const page = await browser.newPage();
  await page.setViewportSize(size);
  await page.goto(`${args.url}/${name}.html`);
  return page;
}

/** Performs a user action, as a shortcut does. */
export const perform = (page, action) => page.evaluate((name) => globalThis.shell.perform(name), action);

/** Returns the typed texts with their times. */
export const typed = (page) => page.evaluate(() => globalThis.shell.typed);

/** Takes screenshots in light and dark, at one and two device pixels per CSS pixel. */
export async function shootAll(page, args, name) {
  const { width, height } = page.viewportSize();
  const devices = await page.context().newCDPSession(page);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const scale of [1, 2]) {
      const picture = { format: "png", clip: { x: 0, y: 0, width, height, scale } };
      const { data } = await devices.send("Page.captureScreenshot", picture);
      await writeFile(join(args.out, `${args.screenshot}-${name}-${colorScheme}-${scale}x.png`), data, "base64");
    }
  }
  await devices.detach();
}

/** Runs in every window before its own scripts. */
export function fakeShell({ server, settings }) {
  // Browser sources of other programs have no shell.
  if (location.search === "?no-shell") return;
  const SETTINGS_ENTRY = "fake-shell.settings";
  const channel = new BroadcastChannel("fake-shell");
  const listeners = new Set();
  const shell = { typed: [], shown: [], bubble: undefined, perform: () => undefined, server, unplug: () => undefined };
  channel.onmessage = ({ data: { target, content } }) => {
    if (location.pathname === `/${target}.html` && content !== null)
      for (const listener of listeners) listener(content);
  };
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (what) => {
    const stream = await open(what);
    const [track] = stream.getAudioTracks();
    shell.unplug = () => {
      track.stop();
      track.dispatchEvent(new Event("ended"));
    };
    return stream;
  };
  globalThis.shell = shell;
  globalThis.nova = {
    environment: async () => ({
      platform: "linux",
      typingMethod: "direct",
      typingProblem: "",
      shortcutProblem: "",
      settings: localStorage.getItem(SETTINGS_ENTRY) ?? settings,
      hasKey: false,
      canServe: true,
    }),
    saveSettings: async ({ settings: text }) => localStorage.setItem(SETTINGS_ENTRY, text),
    saveKey: async () => undefined,
    server: async () => ({ url: shell.server, key: null }),
    // As the shell does: without the limits of a page.
    roomRequest: async ({ method, path }) => {
      const response = await fetch(new URL(path, shell.server.replace(/^ws/, "http")), { method });
      const body = await response.text();
      return response.ok ? { body, problem: null } : { body: "", problem: JSON.parse(body) };
    },
    onServerState: (listener) => {
      listener({ phase: "running", url: shell.server });
      return () => undefined;
    },
    typeText: async (text) => {
      shell.typed.push({ at: Date.now(), text });
      return { ok: true, by: "direct" };
    },
    audioSources: async () => [
      { id: "screen:0:0", name: "Everything", kind: "system" },
      { id: "window:1:0", name: "A film", kind: "window" },
    ],
    onUserAction: (listener) => {
      shell.perform = listener;
      return () => undefined;
    },
    showOverlay: (target, content) => {
      if (target === "bubble") shell.bubble = content === null ? null : JSON.parse(content);
      shell.shown.push({ target, content: content === null ? null : JSON.parse(content) });
      channel.postMessage({ target, content });
    },
    onOverlayContent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onOverlayMoved: () => () => undefined,
    voices: async () => {
      const response = await fetch(server.replace(/^ws/, "http").replace("stream", "speakers"));
      return (await response.json()).map(({ name }) => name);
    },
    captionsAddress: async () => "http://127.0.0.1:43117/some-token/overlay.html",
    openExternal: () => undefined,
  };
}
