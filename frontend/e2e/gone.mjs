// Presses Start while the server is gone, and speaks. The server returns meanwhile.
//
//   node e2e/gone.mjs --url http://localhost:8080 --wav FILE --seconds N --out DIR --language en --screenshot NAME
//
// When the page has loaded, it prints the line "lose"; the caller kills the gateway and answers with a line on stdin. The
// last line on stdout is a JSON object: code and shown (of the problem while the server is gone), violations (of
// accessibility at that time), and the result of `finish`.
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { violations } from "./accessibility.mjs";
import { finish, inBrowser, options, shoot, start } from "./browser.mjs";

const { values: args } = parseArgs({ options });
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

await inBrowser(args, async (page) => {
  // The worklet is loaded in advance, in the background.
  await page.waitForLoadState("networkidle");
  process.stdout.write("lose\n");
  await answers.next();
  process.stdin.destroy();
  await start(page);
  const problem = page.getByTestId("problem");
  await problem.waitFor({ timeout: 20_000 });
  const [code, shown] = [await problem.getAttribute("data-code"), await problem.innerText()];
  await shoot(page, args, "gone");
  const found = await violations(page);
  await page.locator("[data-testid=status][data-phase=listening]").waitFor({ timeout: 60_000 });
  return { code, shown, violations: found, ...(await finish(page, Number(args.seconds))) };
});
