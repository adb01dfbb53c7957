// `npm run types`: pydantic models -> JSON Schema -> client/src/protocol/messages.ts. PYTHON names the interpreter;
// default: python3.
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

const ROOT = new URL("../../", import.meta.url);
const SCHEMA = new URL("docs/reference/protocol.schema.json", ROOT);
const TYPES = new URL("../client/src/protocol/messages.ts", import.meta.url);

/** Generates TypeScript from the committed schema. */
export async function typesFromSchema() {
  const schema = JSON.parse(await readFile(SCHEMA, "utf8"));
  return compile(schema, schema.title, {
    additionalProperties: false,
    bannerComment:
      "// Generated from docs/reference/protocol.schema.json by `npm run types`. Change the pydantic models, not this file.",
    format: true,
    ignoreMinAndMaxItems: true, // otherwise a limited array is a union of tuples, to which no `string[]` can be assigned
    style: { printWidth: 120 },
    unreachableDefinitions: true,
  });
}

export const readTypes = () => readFile(TYPES, "utf8");

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const schema = execFileSync(process.env.PYTHON ?? "python3", ["-m", "backend.messages.schema"], { cwd: ROOT });
  await writeFile(SCHEMA, schema);
  await writeFile(TYPES, await typesFromSchema());
}
