// Visits all parts of the desktop client's main window, and takes screenshots.
//
//   node e2e/tour.mjs --url http://localhost:8080 --wav FILE --out DIR --screenshot NAME
//
// Prints a JSON object: serverResult (of the connection test), microphoneResult (of the microphone test), restored (settings
// after a reload), found (sessions by search), chinese (name of a tab), consoleErrors.
import { parseArgs } from "node:util";
import { options } from "./browser.mjs";
import { inDesktop, shootAll } from "./fake-shell.mjs";

const { values: args } = parseArgs({ options });

await inDesktop(args, {}, async (page) => {
  const at = (name) => page.getByTestId(name);
  await at("test-server").click();
  await at("server-result")
    .filter({ hasText: /\d+ ms/ })
    .waitFor({ timeout: 10_000 });
  const serverResult = await at("server-result").innerText();
  await shootAll(page, args, "setup");
  await at("next").click();
  await at("test-microphone").click();
  await at("microphone-result").filter({ hasText: /\w/ }).waitFor({ timeout: 15_000 });
  const microphoneResult = await at("microphone-result").innerText();
  await shootAll(page, args, "microphone");
  await at("next").click();
  await at("next").click();

  await at("mode-dictation").click();
  await at("health")
    .filter({ hasText: /\d+ ms/ })
    .waitFor({ timeout: 10_000 });
  await shootAll(page, args, "dictation");
  await at("language").selectOption("es");
  await at("tab-settings").click();
  await at("dictionary").fill("Nova Voice\nkube cuttle -> kubectl");
  await at("toggle-keys").click();
  await page.keyboard.press("Control+Shift+F8");
  await at("lines").fill("3");
  await at("commands").click();
  await at("command-new_line").fill("next line, new line");
  await shootAll(page, args, "settings");
  await at("on-screen").scrollIntoViewIfNeeded();
  await shootAll(page, args, "subtitles");
  await page.waitForTimeout(400);
  await page.evaluate(storeSessions);
  await page.reload();

  await at("tab-settings").click();
  await at("commands").click();
  const restored = {
    dictionary: await at("dictionary").inputValue(),
    keys: await at("toggle-keys").innerText(),
    lines: await at("lines").inputValue(),
    command: await at("command-new_line").inputValue(),
  };
  await at("tab-speak").click();
  restored.language = await at("language").inputValue();
  restored.mode = await at("mode-dictation").getAttribute("aria-pressed");

  await at("tab-history").click();
  await at("session").first().waitFor();
  await shootAll(page, args, "history");
  await at("search").fill("CAFE lobster");
  const found = await at("session").allInnerTexts();
  await at("session").first().click();
  await shootAll(page, args, "opened");
  await at("tab-settings").click();
  await at("locale").selectOption("zh");
  await at("theme").selectOption("dark");
  const chinese = await at("tab-settings").innerText();
  await shootAll(page, args, "zh");
  return { serverResult, microphoneResult, restored, found, chinese };
});

/** Stores two sessions in the history. */
function storeSessions() {
  const speech = (number, committed, language, translations = {}) => ({
    id: `1/${number}`,
    take: 1,
    number,
    state: "final",
    committed,
    tentative: "",
    language,
    startMs: 4_000 * number,
    endMs: 4_000 * number + 3_000,
    revision: 1,
    translations,
  });
  const es = (text) => ({ es: { text, isFinal: true } });
  const first = [
    speech(1, "When is a lobster not a lobster?", "en", es("¿Cuándo una langosta no es una langosta?")),
    speech(2, "When it is a crayfish. I had it at the café.", "en", es("Cuando es un cangrejo de río. Lo comí en el café.")),
  ];
  localStorage.setItem("nova.session.1763700000000", JSON.stringify(first));
  localStorage.setItem("nova.session.1763786400000", JSON.stringify([speech(1, "שלום, מה שלומך היום?", "he")]));
}
