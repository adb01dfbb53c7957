/** The key to a server, as the system's keychain keeps it: never in plain text. */
import { rm } from "node:fs/promises";
import { safeStorage } from "electron";
import { readJson, writeJson } from "./json-file";
import type { Words } from "../i18n/texts";

export class Keychain {
  readonly #path: string;
  readonly #words: Words;

  constructor(path: string, words: Words) {
    this.#path = path;
    this.#words = words;
  }

  /** Null forgets it. Throws a sentence for the person where there is no keychain; then nothing is kept. */
  async keep(key: string | null): Promise<void> {
    await rm(this.#path, { force: true });
    if (key === null) return;
    if (!isSafe()) throw new Error(this.#words.noKeychain);
    await writeJson(this.#path, safeStorage.encryptString(key).toString("base64"));
  }

  /** Null where none is kept, or the keychain does not give it out. */
  async read(): Promise<string | null> {
    const kept = await readJson(this.#path);
    if (typeof kept !== "string" || !isSafe()) return null;
    try {
      return safeStorage.decryptString(Buffer.from(kept, "base64"));
    } catch {
      return null;
    }
  }
}

/** "basic_text" is a password that stands in Chromium's source. */
function isSafe(): boolean {
  if (!safeStorage.isEncryptionAvailable()) return false;
  return process.platform !== "linux" || safeStorage.getSelectedStorageBackend() !== "basic_text";
}
