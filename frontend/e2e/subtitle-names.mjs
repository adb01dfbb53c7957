// Shows subtitles with the names of speakers in the desktop client, then chooses one enrolled voice in its settings.
//
//   node e2e/subtitle-names.mjs --url http://localhost:8080 --wav FILE --seconds N --voice NAME --out DIR
//                               --screenshot NAME --language en
//
// Prints a JSON object: names (of the lines of the overlay that begin a speaker, in order), texts (of all lines, without
// names), drawn (names that the overlay draws), choices (of one speaker), violations (of the settings), only (texts of the
// second session), consoleErrors.
import { parseArgs } from "node:util";
import { violations } from "./accessibility.mjs";
import { finish, options, shoot, start } from "./browser.mjs";
import { inDesktop, openOverlay } from "./fake-shell.mjs";

const { values: args } = parseArgs({ options: { ...options, voice: { type: "string" } } });
// On a busy machine, the microphone opens late.
const WITHIN = { timeout: 120_000 };
const settings = {
  isSetUp: true,
  isReady: false,
  mode: "captions",
  language: args.language,
  speakers: true,
  subtitles: { lines: 4 },
};

await inDesktop(args, settings, async (page, browser) => {
  const at = (name) => page.getByTestId(name);
  const overlay = await openOverlay(browser, args, "overlay", { width: 896, height: 260 });
  await overlay.evaluate(() => {
    document.documentElement.style.background = "#5b7286";
    globalThis.names = new Set();
    const collect = () => {
      for (const { textContent: name } of document.querySelectorAll(".name")) if (name !== "") globalThis.names.add(name);
    };
    new MutationObserver(collect).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await page.waitForTimeout(1_000);
  await start(page);
  await overlay.waitForFunction((name) => globalThis.names.has(`${name}: `), args.voice, WITHIN);
  await finish(page, Number(args.seconds));
  await shoot(overlay, args, "overlay");
  const lines = await page.evaluate(() => {
    const shown = globalThis.shell.shown.flatMap(({ target, content }) =>
      target === "overlay" ? (content?.texts[0]?.lines ?? []) : [],
    );
    return Object.values(Object.fromEntries(shown.map((line) => [line.key, line])));
  });
  const drawn = await overlay.evaluate(() => [...globalThis.names]);

  await at("tab-settings").click();
  await at("only-speaker").waitFor();
  const choices = await at("only-speaker").locator("option").allInnerTexts();
  await at("only-speaker").scrollIntoViewIfNeeded();
  await shoot(page, args, "settings");
  const found = await violations(page);
  await at("only-speaker").selectOption(args.voice);
  await at("tab-speak").click();
  const before = await at("utterance").count();
  await start(page);
  await page.waitForFunction(
    (count) => document.querySelectorAll("[data-testid=utterance][data-state=final]").length > count,
    before,
    WITHIN,
  );
  await finish(page, Number(args.seconds));
  await shoot(page, args, "only");
  const only = (await at("utterance").allInnerTexts()).slice(before);
  return {
    names: lines.map(({ name }) => name).filter((name) => name !== ""),
    texts: lines.map(({ committed, tentative }) => committed + tentative),
    drawn,
    choices,
    violations: found,
    only,
  };
});
