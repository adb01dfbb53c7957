// Subtitles for as long as you like: what they cost, and whether they grow.
//
//   node e2e/soak.mjs --url http://localhost:8080 --wav FILE --seconds 600 --out DIR --language en
//
// The file is heard again and again. One JSON object a minute goes to stdout, with the whole at the end: minutes,
// utterances, cpu (of one core, in percent, with all threads: the renderers of the main window and of the overlay), heapMb
// (of both, after a collection), complaints.
import { parseArgs } from "node:util";
import { options } from "./browser.mjs";
import { atDesk, openLittle } from "./fake-shell.mjs";

const { values: args } = parseArgs({ options });
const settings = { isSetUp: true, isReady: false, mode: "captions", language: args.language };

await atDesk({ ...args, loop: true }, settings, async (page, browser) => {
  const overlay = await openLittle(browser, args, "overlay", { width: 896, height: 220 });
  const machine = await browser.browser().newBrowserCDPSession();
  const windows = await Promise.all([page, overlay].map((window) => window.context().newCDPSession(window)));
  await page.getByTestId("toggle").click();
  const minutes = [];
  const since = await spent(machine);
  let last = since;
  for (let minute = 1; minute <= Number(args.seconds) / 60; minute += 1) {
    await page.waitForTimeout(60_000);
    const now = await spent(machine);
    await page.evaluate(() => (globalThis.shell.shown.length = 0)); // the tests' own memory
    const heapMb = await Promise.all(windows.map(heap));
    const utterances = await page.getByTestId("utterance").count();
    minutes.push({ minute, utterances, cpu: share(last, now), heapMb });
    process.stdout.write(`${JSON.stringify(minutes.at(-1))}\n`);
    last = now;
  }
  await page.getByTestId("toggle").click();
  return { minutes, cpu: share(since, last) };
});

/** Seconds of the clock, and of each renderer's work. */
async function spent(machine) {
  const { processInfo } = await machine.send("SystemInfo.getProcessInfo");
  const renderers = processInfo.filter(({ type }) => type === "renderer").map(({ id, cpuTime }) => [id, cpuTime]);
  return { clock: performance.now() / 1000, work: new Map(renderers) };
}

/** In percent, to one place; the two that worked most. */
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
