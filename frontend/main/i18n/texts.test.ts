import { expect, test } from "vitest";
import { textsFor } from "./texts";

test("the shell uses the system language if it is supported, or English", () => {
  expect(textsFor("es-MX").quit).toBe("Salir");
  expect(textsFor("zh_CN").quit).toBe("退出");
  expect(textsFor("de").quit).toBe("Quit");
});
