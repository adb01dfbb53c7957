// Shares a session in progress: readers on another gateway read it in two languages, and a moderator holds and corrects it.
//
//   node e2e/shared-session.mjs --url http://localhost:8080 --readers http://localhost:8081 --wav FILE --language zh
//                               --out DIR --screenshot NAME
//
// Repeats the recording. Prints a JSON object: before (text that was shown before the link existed), shown (texts of the
// first reader: language, whether final), switched (those after the reader has chosen another language), held (whether the
// line waited), corrected (texts of a reader after the correction and the release), ended (state of the reader after
// "Stop sharing"), violations, consoleErrors.
import { parseArgs } from "node:util";
import { violations } from "./accessibility.mjs";
import { consoleErrorsOf, inProfile, options, shoot, start } from "./browser.mjs";

const { values: given } = parseArgs({ options: { ...options, readers: { type: "string" } } });
const args = { ...given, loop: true };
const SPEECH_TIMEOUT_MS = 90_000;
const TIMEOUT_MS = 20_000;
const CORRECTED = "Corrected by a moderator.";
const report = { violations: {} };

async function check(page, name) {
  const found = await violations(page);
  if (found.length > 0) report.violations[name] = found;
  await shoot(page, args, name);
}

const onOtherGateway = (link) => link.replace(new URL(link).origin, args.readers);
const texts = (page) =>
  page.locator(".room-text[data-final=true]").evaluateAll((nodes) => nodes.map((node) => [node.textContent, node.lang]));
const finalIn = (page, language) =>
  page.locator(`.room-text[data-final=true][lang^=${language}]`).first().waitFor({ timeout: SPEECH_TIMEOUT_MS });

async function createLinks(page) {
  await page.getByTestId("share").click();
  await page.getByTestId("share-start").click();
  await page.locator(".qr-code").waitFor({ timeout: TIMEOUT_MS });
  await page.getByTestId("share-moderate").click();
  const link = async (name) => onOtherGateway(await page.getByTestId(`${name}-link`).getAttribute("href"));
  const links = { reader: await link("share"), moderator: await link("moderator") };
  await check(page, "share");
  return links;
}

async function read(browser, link) {
  const page = await browser.newPage();
  await page.goto(link.replace("#", "?language=zh,en#"));
  await finalIn(page, "zh");
  await finalIn(page, "en");
  report.shown = await texts(page);
  await check(page, "two-languages");
  await page.getByTestId("view-options").click();
  await page.getByTestId("first-language").selectOption("en");
  await page.getByTestId("second-language").selectOption("none");
  await page.getByTestId("view-options").click();
  await finalIn(page, "en");
  report.switched = await texts(page);
  return page;
}

async function moderate(browser, link, reader) {
  const page = await browser.newPage();
  await page.goto(link);
  await page.getByTestId("hold").selectOption("60000");
  const waiting = page.locator(".room-line:has([data-waiting=true])");
  await waiting.first().waitFor({ timeout: SPEECH_TIMEOUT_MS });
  report.held = true;
  await check(page, "moderator");
  const line = waiting.first();
  await line.getByTestId("edit-line").click();
  await page.getByTestId("line-text").fill(CORRECTED);
  await check(page, "moderator-edits");
  await page.getByTestId("save-line").click();
  const corrected = page.locator(".room-line", { hasText: CORRECTED }).first();
  await corrected.getByTestId("release").click({ timeout: TIMEOUT_MS });
  await reader.getByText(CORRECTED).first().waitFor({ timeout: TIMEOUT_MS });
  report.corrected = (await texts(reader)).map(([text]) => text);
}

await inProfile(args, async (browser, page) => {
  const consoleErrors = consoleErrorsOf(page);
  await page.goto(args.url);
  await page.getByTestId("language").selectOption("zh-Hans");
  await start(page);
  const first = page.locator("[data-testid=utterance][data-state=final]").first();
  await first.waitFor({ timeout: SPEECH_TIMEOUT_MS });
  report.before = await first.innerText();
  const links = await createLinks(page);
  const reader = await read(browser, links.reader);
  const spoken = await browser.newPage();
  await spoken.goto(links.reader);
  await moderate(browser, links.moderator, spoken);
  await page.bringToFront();
  await page.getByTestId("share-stop").click();
  await reader.locator("[data-testid=room-status][data-state=link_ended]").waitFor({ timeout: TIMEOUT_MS });
  report.ended = await reader.getByTestId("room-status").getAttribute("data-state");
  report.consoleErrors = consoleErrors;
});
process.stdout.write(`${JSON.stringify(report)}\n`);
