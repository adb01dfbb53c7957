// Reads a room on the captions page: in two languages, on a phone, as a browser source of a streaming program, while the
// gateway is killed, and with a link that is created on the page and revoked.
//
//   node e2e/captions.mjs --url http://localhost:8080 --wav FILE --room ROOM --out DIR --screenshot NAME
//
// The room has two lines in English and Arabic, and the second one is in progress. Prints "lose" and reads a line when the
// gateway may be killed. Then a line "Back again." is expected. Prints a JSON object: shown (texts with language, direction
// and whether they are final), states (of the connection), overlay (text, background and controls of the browser source),
// violations (of accessibility), sideways (widths that need scrolling), shared (states of the reader with the link),
// referrers (that a request had), consoleErrors.
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { scrollsSideways, violations } from "./accessibility.mjs";
import { consoleErrorsOf, inProfile, options, shoot } from "./browser.mjs";

const { values: args } = parseArgs({ options: { ...options, room: { type: "string", default: "talk" } } });
const TIMEOUT_MS = 15_000;
const RESTART_TIMEOUT_MS = 40_000;
const address = `${args.url}/captions/${args.room}`;
const report = { violations: {}, sideways: [], states: [], referrers: [] };

const textsOf = (page) =>
  page.locator(".room-text").evaluateAll((nodes) =>
    nodes.map((node) => [node.textContent, node.lang, getComputedStyle(node).direction, node.dataset.final]),
  );
const lines = (page, count) => page.getByTestId("room-line").nth(count - 1).waitFor({ timeout: TIMEOUT_MS });
const state = async (page, name) => {
  const found = page.locator(`[data-testid=room-status][data-state=${name}]`);
  await found.waitFor({ state: "attached", timeout: TIMEOUT_MS });
  return name;
};

async function check(page, name) {
  const found = await violations(page);
  if (found.length > 0) report.violations[name] = found;
  if (await scrollsSideways(page)) report.sideways.push(name);
  await shoot(page, args, name);
}

async function readOverlay(browser) {
  const page = await browser.newPage();
  await page.setViewportSize({ width: 1280, height: 360 });
  await page.goto(`${address}?language=en,ar&transparent=1&size=44`);
  await lines(page, 2);
  const background = await page.evaluate(() => [document.documentElement, document.body].map((node) => getComputedStyle(node).backgroundColor));
  await page.screenshot({ path: `${args.out}/${args.screenshot}-overlay.png`, omitBackground: true });
  // As above a video.
  await page.evaluate(() => (document.documentElement.style.background = "linear-gradient(150deg, #fff, #b9a48c 55%, #000)"));
  await shoot(page, args, "overlay-on-video");
  const controls = await page.locator("button, summary, select, header, [role=status]").count();
  await page.close();
  return { background, controls };
}

async function readOnPhone(browser) {
  const page = await browser.newPage();
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto(`${address}?language=ar`);
  await lines(page, 2);
  await check(page, "phone");
  await page.getByTestId("view-options").click();
  await check(page, "phone-options");
  await page.getByTestId("lines").selectOption("1");
  await page.getByTestId("size").selectOption("48");
  const shown = await page.getByTestId("room-line").count();
  const query = new URL(page.url()).search;
  await page.close();
  return { shown, query };
}

async function share(browser, page) {
  await page.goto(args.url);
  await page.getByTestId("share").click();
  await page.getByTestId("share-start").click();
  const link = await page.getByTestId("share-link").getAttribute("href");
  await page.locator(".qr-code").waitFor();
  await check(page, "share");
  const reader = await browser.newPage();
  await reader.goto(link);
  const states = [await state(reader, "waiting")];
  await page.getByTestId("share-stop").click();
  states.push(await state(reader, "link_ended"));
  await check(reader, "link-ended");
  return { states, link };
}

await inProfile(args, async (browser, page) => {
  const consoleErrors = consoleErrorsOf(page);
  browser.on("request", (request) => request.headers().referer && report.referrers.push(request.url()));
  await page.goto(`${address}?language=en,ar`);
  await lines(page, 2);
  report.shown = await textsOf(page);
  report.speakers = await page.locator(".room-speaker").allInnerTexts();
  report.announced = await page.getByTestId("announcements").locator("p").allInnerTexts();
  await check(page, "two-languages");
  report.overlay = await readOverlay(browser);
  report.phone = await readOnPhone(browser);
  report.shared = await share(browser, await browser.newPage());
  process.stdout.write("lose\n");
  await new Promise((resolve) => createInterface({ input: process.stdin }).once("line", resolve));
  report.states.push(await state(page, "lost"));
  await check(page, "lost");
  await page.getByText("Back again.").first().waitFor({ timeout: RESTART_TIMEOUT_MS });
  report.states.push(await state(page, "open"));
  report.after = await textsOf(page);
  report.consoleErrors = consoleErrors.filter((text) => !text.includes("Failed to load resource") && !text.includes("ERR_"));
});
process.stdout.write(`${JSON.stringify(report)}\n`);
