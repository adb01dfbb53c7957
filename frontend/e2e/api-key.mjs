// Connects to a server that requires an API key: without a key, with one, and after a reload.
//
//   node e2e/api-key.mjs --url http://localhost:8080 --wav FILE --key KEY --out DIR --screenshot NAME
//
// Prints a JSON object: refused (the problem that the page showed), hasFocus (of the field for the key), violations (of
// accessibility), and the result of `finish`.
import { parseArgs } from "node:util";
import { violations } from "./accessibility.mjs";
import { finish, inBrowser, options, shoot, start } from "./browser.mjs";

const { values: args } = parseArgs({ options: { ...options, key: { type: "string" } } });
const phase = (page, name) => page.locator(`[data-testid=status][data-phase=${name}]`).waitFor({ timeout: 10_000 });

await inBrowser(args, async (page) => {
  await page.getByTestId("toggle").click();
  await phase(page, "failed");
  const refused = await page.getByTestId("problem").innerText();
  const hasFocus = await page.getByTestId("key").evaluate((field) => field === document.activeElement);
  await page.getByTestId("key").fill(args.key);
  await shoot(page, args, "refused");
  const found = await violations(page);
  await page.getByTestId("key").press("Enter");
  await phase(page, "listening");
  await page.reload();
  await start(page);
  await phase(page, "listening");
  return { refused, hasFocus, violations: found, ...(await finish(page, 1)) };
});
