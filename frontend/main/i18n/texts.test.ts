import { expect, test } from "vitest";
import { LOCALES } from "../../src/i18n/texts";
import { SHELL_TEXTS, textsFor } from "./texts";

test("the shell uses the system language if it is supported, or English", () => {
  expect(textsFor("es-MX").quit).toBe("Salir");
  expect(textsFor("zh_CN").quit).toBe("退出");
  expect(textsFor("nl").quit).toBe("Quit");
  expect(textsFor("constructor").quit).toBe("Quit");
});

test("the shell has the languages of the windows", () =>
  expect(Object.keys(SHELL_TEXTS).sort()).toEqual(Object.keys(LOCALES).sort()));

test.each(Object.entries(SHELL_TEXTS).filter(([locale]) => locale !== "en"))(
  "every text of the shell is translated to %s",
  (_, texts) => {
    const english = Object.entries(textsFor("en"));
    expect(english.filter(([name, text]) => texts[name as keyof typeof texts] === text)).toEqual([]);
  },
);
