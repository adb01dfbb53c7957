// Opens the options of the page on a server that cannot distinguish voices, after the user has turned on speakers elsewhere.
//
//   node e2e/no-speakers.mjs --url http://localhost:8080 --wav FILE --out DIR --screenshot NAME
//
// Prints a JSON object: isDisabled, isOn and hint (of the switch), hasChoice (of one speaker), violations, phase,
// consoleErrors.
import { parseArgs } from "node:util";
import { violations } from "./accessibility.mjs";
import { inBrowser, options, shoot } from "./browser.mjs";

const { values: args } = parseArgs({ options });

await inBrowser(args, async (page) => {
  const at = (name) => page.getByTestId(name);
  await page.evaluate(() => localStorage.setItem("nova.settings", JSON.stringify({ speakers: true })));
  await page.reload();
  await at("options").click();
  await page.locator("[data-testid=speakers]:disabled").waitFor();
  await shoot(page, args, "options");
  return {
    isDisabled: await at("speakers").isDisabled(),
    isOn: await at("speakers").isChecked(),
    hint: await page.evaluate(() => {
      const { ariaDescribedByElements: [hint] = [] } = document.querySelector("[data-testid=speakers]");
      return hint?.textContent;
    }),
    hasChoice: (await at("only-speaker").count()) > 0,
    violations: await violations(page),
    phase: await at("status").getAttribute("data-phase"),
  };
});
