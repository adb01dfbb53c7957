// Opens the dialog of voices where it cannot be used, and reports what it says.
//
//   node e2e/no-voices.mjs --url http://localhost:8080 --wav FILE --out DIR --screenshot NAME [--key KEY]
//
// Prints a JSON object: unavailable (text, or null), status (text), canRecord, violations, phase, consoleErrors.
import { parseArgs } from "node:util";
import { violations } from "./accessibility.mjs";
import { inBrowser, options, shoot } from "./browser.mjs";

const { values: args } = parseArgs({ options: { ...options, key: { type: "string", default: "" } } });

await inBrowser(args, async (page) => {
  const at = (name) => page.getByTestId(name);
  await page.evaluate((key) => localStorage.setItem(`nova.key ${location.host}`, key), args.key);
  await page.reload();
  await at("options").click();
  await at("voices").click();
  await at("voices-unavailable").or(page.locator("[data-testid=voice-status]:not(:empty)")).first().waitFor();
  await page.waitForTimeout(500);
  await shoot(page, args, "voices");
  return {
    unavailable: (await at("voices-unavailable").count()) > 0 ? await at("voices-unavailable").innerText() : null,
    status: await at("voice-status").innerText(),
    canRecord: (await at("record-sample").count()) > 0,
    violations: await violations(page),
    phase: await at("status").getAttribute("data-phase"),
  };
});
