import koffi from "koffi";
import { expect, test } from "vitest";
import { inputLayout } from "./send-input";

test("the type INPUT has the size that Windows expects", () => {
  expect(koffi.sizeof(inputLayout(koffi))).toBe(40);
});
