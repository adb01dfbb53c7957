// Shares the subtitles of the desktop client, and opens the link as a reader.
//
//   node e2e/share-desktop.mjs --url http://localhost:8080 --wav FILE --out DIR --screenshot NAME
//
// Prints a JSON object: typing (whether voice typing can be shared), states (of the reader), note (whether the dialog says
// that the link works on this computer only), consoleErrors.
import { parseArgs } from "node:util";
import { options, shoot } from "./browser.mjs";
import { inDesktop } from "./fake-shell.mjs";

const { values: args } = parseArgs({ options });
const TIMEOUT_MS = 20_000;

await inDesktop(args, { isSetUp: true, isReady: false, mode: "dictation" }, async (page, browser) => {
  await page.getByTestId("toggle").waitFor({ timeout: TIMEOUT_MS });
  const typing = await page.getByTestId("share").count();
  await page.getByTestId("mode-captions").click();
  await page.getByTestId("share").click();
  await page.getByTestId("share-start").click();
  await page.locator(".qr-code").waitFor({ timeout: TIMEOUT_MS });
  await shoot(page, args, "share-desktop");
  const reader = await browser.newPage();
  await reader.goto(await page.getByTestId("share-link").getAttribute("href"));
  const state = async (name) => {
    const found = reader.locator(`[data-testid=room-status][data-state=${name}]`);
    await found.waitFor({ state: "attached", timeout: TIMEOUT_MS });
    return name;
  };
  const states = [await state("waiting")];
  const note = await page.locator(".dialog-note").allInnerTexts();
  await page.getByTestId("share-stop").click();
  states.push(await state("link_ended"));
  return { typing, states, note: note.some((text) => text.includes("this computer")) };
});
