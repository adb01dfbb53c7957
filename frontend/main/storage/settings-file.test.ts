import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { shellSettings as settings } from "../testing/shell-settings";
import { SettingsFile } from "./settings-file";

test("the last settings saved are stored, and a broken file counts as none", async () => {
  const path = join(await mkdtemp(join(tmpdir(), "nova-")), "settings.json");
  const one = new SettingsFile(path);
  await Promise.all(["a", "b", "c"].map((text) => one.save({ ...settings, settings: text })));
  const other = new SettingsFile(path);
  await other.read();
  expect(other.current?.settings).toBe("c");
  expect(JSON.parse(await readFile(path, "utf8"))).toEqual({ ...settings, settings: "c" });
  await writeFile(path, '{"place":');
  await other.read();
  expect(other.current).toBeNull();
});
