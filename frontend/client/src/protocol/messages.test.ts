import { expect, test } from "vitest";
import { readTypes, typesFromSchema } from "../../../scripts/generate-types.mjs";

test("messages.ts is generated from the committed schema; run `npm run types` to update it", async () => {
  expect(await readTypes()).toBe(await typesFromSchema());
});
