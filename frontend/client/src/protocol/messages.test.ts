import { expect, test } from "vitest";
import { readTypes, typesFromSchema } from "../../../scripts/generate-types.mjs";

test("protocol.ts is what the committed schema stands for: else run `npm run types`", async () => {
  expect(await readTypes()).toBe(await typesFromSchema());
});
