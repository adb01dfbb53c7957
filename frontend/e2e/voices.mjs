// Enrols a voice on the page: with the microphone, and with files. Checks each state with axe-core.
//
//   node e2e/voices.mjs --url http://localhost:8080 --wav FILE --seconds N --recording FILE --recording FILE --name NAME
//                       --out DIR --screenshot NAME [--size 390x844] [--dark] [--locale ar]
//
// The recordings are three samples that are refused. Prints a JSON object: violations and sideways (by state), refused
// (status, and the reason of each sample), verdicts (the same, in words), enrolled (status), voices (names: after the
// enrolment, and after the deletion), choices (of one speaker), samples (seconds), phase, consoleErrors.
import { parseArgs } from "node:util";
import { scrollsSideways, violations } from "./accessibility.mjs";
import { inBrowser, options, shoot } from "./browser.mjs";

const more = {
  recording: { type: "string", multiple: true },
  name: { type: "string" },
  locale: { type: "string", default: "" },
};
const { values: args } = parseArgs({ options: { ...options, ...more } });
const WITHIN = { timeout: 120_000 };
const SAMPLES = 3;

const recorded = (seconds) =>
  Number.parseInt(document.querySelector("[data-testid=sample-seconds]")?.textContent ?? "", 10) >= seconds;

await inBrowser(args, async (page) => {
  const report = { violations: {}, sideways: [] };
  const at = (name) => page.getByTestId(name);
  const check = async (state) => {
    await shoot(page, args, state);
    const found = await violations(page);
    if (found.length > 0) report.violations[state] = found;
    if (await scrollsSideways(page)) report.sideways.push(state);
  };
  // Another outcome than the expected one fails at once, with its text.
  const outcome = async (kind) => {
    const status = page.locator("[data-testid=voice-status]:not([data-kind=none], [data-kind=sending])");
    await status.waitFor(WITHIN);
    const text = await status.innerText();
    if ((await status.getAttribute("data-kind")) !== kind) throw new Error(`${text} ${(await reasons()).join(", ")}`);
    return text;
  };
  const reasons = () => at("sample").evaluateAll((nodes) => nodes.map((node) => node.dataset.reason));
  await at("options").click();
  if (args.locale !== "") await at("locale").selectOption(args.locale);
  await at("voices").click();
  await at("no-voices").waitFor(WITHIN);
  await check("empty");

  await at("sample-files").setInputFiles(args.recording);
  await at("sample").nth(args.recording.length - 1).waitFor(WITHIN);
  await at("voice-name").fill(args.name);
  await at("voice-consent").check();
  await at("save-voice").click();
  report.refused = [await outcome("too_few"), await reasons()];
  report.verdicts = await page.locator(".voice-verdict").allInnerTexts();
  await check("refused");
  for (let count = args.recording.length; count > 0; count--) await at("discard-sample").first().click();

  // With the keyboard alone. The name and the consent stay.
  report.samples = [];
  for (let count = 1; count <= SAMPLES; count++) {
    await at("record-sample").focus();
    await page.keyboard.press("Enter");
    // By the page's own clock: the microphone opens late on a busy machine.
    await page.waitForFunction(recorded, Math.floor(Number(args.seconds) / SAMPLES), WITHIN);
    if (count === 1) await check("recording");
    await page.keyboard.press("Enter");
    await at("sample").nth(count - 1).waitFor(WITHIN);
  }
  report.samples = await at("sample").allInnerTexts();
  await check("samples");
  await at("save-voice").click();
  report.enrolled = await outcome("enrolled");
  await at("voice").waitFor(WITHIN);
  report.voices = [await at("voice-of").allInnerTexts()];
  await check("enrolled");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 844 });
  await check("phone");
  await at("close").click();
  await at("options").click();
  report.choices = await at("only-speaker").locator("option").allInnerTexts();
  await at("voices").click();
  await at("delete-voice").click();
  await at("delete-voice").click();
  await at("no-voices").waitFor(WITHIN);
  report.voices.push(await at("voice-of").allInnerTexts());
  await at("close").click();
  return { ...report, phase: await at("status").getAttribute("data-phase") };
});
