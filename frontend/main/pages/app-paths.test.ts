import fc from "fast-check";
import { expect, test } from "vitest";
import { resolveInside } from "./app-paths";

test("files are resolved inside their folder only", () => {
  expect(resolveInside("/app/dist", "/index.html")).toBe("/app/dist/index.html");
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("/", ".", "..", "%2e", "%2f", "a", "\\", "%00") }), (path) => {
      const found = resolveInside("/app/dist", `/${path}`);
      expect(found === null || (found.startsWith("/app/dist/") && !found.includes("/../"))).toBe(true);
    }),
  );
});
