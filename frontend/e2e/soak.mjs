// Measures CPU and memory of subtitles over a long time.
//
//   node e2e/soak.mjs --url http://localhost:8080 --wav FILE --seconds 600 --out DIR --language en
//
// Repeats the WAV file. Prints a JSON object every minute, and all of them at the end: minute, utterances, cpu (percent of
// one core, for the renderers of the main window and of the overlay), heapMb (of both, after garbage collection).
import { parseArgs } from "node:util";
import { options } from "./browser.mjs";
import { inDesktop, openOverlay } from "./fake-shell.mjs";

const { values: args } = parseArgs({ options });
const settings = { isSetUp: true, isReady: false, mode: "captions", language: args.language };

await inDesktop({ ...args, loop: true }, settings, async (page, browser) => {
  const overlay = await openOverlay(browser, args, "overlay", { width: 896, height: 220 });
  const machine = await browser.browser().newBrowserCDPSession();
  const windows = await Promise.all([page, overlay].map((window) => window.context().newCDPSession(window)));
  await page.getByTestId("toggle").click();
  const minutes = [];
  const since = await spent(machine);
  let last = since;
  for (let minute = 1; minute <= Number(args.seconds) / 60; minute += 1) {
    await page.waitForTimeout(60_000);
    const now = await spent(machine);
    await page.evaluate(() => (globalThis.shell.shown.length = 0)); // memory of the fake shell
    const heapMb = await Promise.all(windows.map(heap));
    const utterances = await page.getByTestId("utterance").count();
    minutes.push({ minute, utterances, cpu: share(last, now), heapMb });
    process.stdout.write(`${JSON.stringify(minutes.at(-1))}\n`);
    last = now;
  }
  await page.getByTestId("toggle").click();
  return { minutes, cpu: share(since, last) };
});

/** Seconds of wall time, and CPU seconds of each renderer. */
async function spent(machine) {
  const { processInfo } = await machine.send("SystemInfo.getProcessInfo");
  const renderers = processInfo.filter(({ type }) => type === "renderer").map(({ id, cpuTime }) => [id, cpuTime]);
  return { clock: performance.now() / 1000, work: new Map(renderers) };
}

/** CPU use of the two busiest renderers, in percent with one decimal. */
function share(from, to) {
  const shares = [...to.work].map(([id, work]) => (work - (from.work.get(id) ?? 0)) / (to.clock - from.clock));
  return shares
    .sort((a, b) => b - a)
    .slice(0, 2)
    .map((part) => Math.round(1000 * part) / 10);
}

async function heap(window) {
  await window.send("HeapProfiler.collectGarbage");
  const { usedSize } = await window.send("Runtime.getHeapUsage");
  return Math.round(usedSize / 1e5) / 10;
}
