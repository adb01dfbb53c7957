// The desktop client's windows in a browser: a shell that is a few functions stands in for Electron's. It keeps the
// settings, remembers what was to be typed, and passes on what the little windows are to draw.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { complaintsOf, inProfile } from "./browser.mjs";

/** Opens the main window with these settings, lets `act` do what it will, and prints what that returns as JSON. */
export async function atDesk(args, settings, act) {
  await inProfile(args, async (browser, page) => {
    await browser.addInitScript(fakeShell, {
      server: args.url.replace(/^http/, "ws") + "/v1/stream",
      settings: JSON.stringify(settings),
    });
    const complaints = complaintsOf(page);
    await page.goto(args.url);
    const report = { ...(await act(page, browser)), complaints };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  });
}

/** Opens a little window beside the main one. */
export async function openLittle(browser, args, name, size) {
  const page = await browser.newPage();
  await page.setViewportSize(size);
  await page.goto(`${args.url}/${name}.html`);
  return page;
}

/** What a person asks for by shortcut. */
export const wish = (page, name) => page.evaluate((asked) => globalThis.shell.wish(asked), name);

/** What was typed until now, with its time. */
export const typed = (page) => page.evaluate(() => globalThis.shell.typed);

/** A picture in light and dark, at one and two pixels for each of CSS. */
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
function fakeShell({ server, settings }) {
  // So another program's browser comes to a page: without a shell.
  if (location.search === "?elsewhere") return;
  const KEPT = "fake-shell.settings";
  const wires = new BroadcastChannel("fake-shell");
  const listeners = new Set();
  const shell = { typed: [], shown: [], bubble: undefined, wish: () => undefined, server, unplug: () => undefined };
  wires.onmessage = ({ data: { little, state } }) => {
    if (location.pathname === `/${little}.html` && state !== null) for (const listener of listeners) listener(state);
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
    surroundings: async () => ({
      platform: "linux",
      typing: "direct",
      typingProblem: "",
      shortcutProblem: "",
      settings: localStorage.getItem(KEPT) ?? settings,
      hasKey: false,
      canServe: true,
    }),
    keep: async ({ settings: text }) => localStorage.setItem(KEPT, text),
    keepKey: async () => undefined,
    server: async () => ({ url: shell.server, key: null }),
    onServer: () => () => undefined,
    type: async (text) => {
      shell.typed.push({ at: Date.now(), text });
      return { ok: true, by: "direct" };
    },
    sources: async () => [
      { id: "screen:0:0", name: "Everything", kind: "system" },
      { id: "window:1:0", name: "A film", kind: "window" },
    ],
    onWish: (listener) => {
      shell.wish = listener;
      return () => undefined;
    },
    show: (little, state) => {
      if (little === "bubble") shell.bubble = state === null ? null : JSON.parse(state);
      shell.shown.push({ little, state: state === null ? null : JSON.parse(state) });
      wires.postMessage({ little, state });
    },
    onShow: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onMoved: () => () => undefined,
    captionsAddress: async () => "http://127.0.0.1:43117/some-token/overlay.html",
    open: () => undefined,
  };
}
