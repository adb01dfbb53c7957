// Transcribes a WAV file while the caller kills or restarts the gateway.
//
//   node e2e/resume.mjs --url http://localhost:8080 --wav FILE --seconds N --lose-at M [--lose-at M ...] --out DIR
//                       --language en --screenshot NAME
//
// At each M, in seconds after Start, it prints the line "lose"; the caller kills or restarts the gateway and answers
// with a line on stdin. Stop is pressed after N seconds. The last line on stdout is a JSON object: lost (for each loss:
// when it was announced and answered, and when the page was connected again), utterances (at the end), problems,
// timeline. The exit status is 1 if the page is not idle at the end.
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { elapsed, finish, inBrowser, options, shoot, start } from "./browser.mjs";

const { values: args } = parseArgs({
  options: { ...options, "lose-at": { type: "string", multiple: true, default: ["4"] } },
});
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

await inBrowser(args, async (page) => {
  await start(page);
  const losses = [];
  for (const at of args["lose-at"]) losses.push(await lose(page, Number(at)));
  const shown = await finish(page, Number(args.seconds));
  await shoot(page, args, "done");
  process.stdin.destroy();
  return { lost: losses.map((loss) => ({ ...loss, backAt: backAt(shown.timeline, loss.announcedAt) })), ...shown };
});

/** Asks the caller to kill the gateway, and returns when that was done. */
async function lose(page, seconds) {
  await page.waitForTimeout(Math.max(0, seconds * 1000 - (await elapsed(page))));
  const announcedAt = await elapsed(page);
  process.stdout.write("lose\n");
  await answers.next();
  const answeredAt = await elapsed(page);
  await shoot(page, args, `lost-${seconds}`);
  return { announcedAt, answeredAt };
}

/** When the page was connected again, in ms after Start; null if it never was, or if the connection was not lost. */
function backAt(timeline, since) {
  const away = timeline.findIndex(({ t, phase }) => t >= since && ["waiting", "connecting"].includes(phase));
  const back =
    away < 0 ? undefined : timeline.slice(away).find(({ phase }) => ["listening", "finishing"].includes(phase));
  return back?.t ?? null;
}
