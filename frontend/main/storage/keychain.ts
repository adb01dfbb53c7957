/** Stores the API key encrypted by the system's keychain. */
import { rm } from "node:fs/promises";
import { safeStorage } from "electron";
import { readJson, writeJson } from "./json-file";
import type { ShellTexts } from "../i18n/texts";

export class Keychain {
  readonly #path: string;
  readonly #texts: ShellTexts;

  constructor(path: string, texts: ShellTexts) {
    this.#path = path;
    this.#texts = texts;
  }

  /**
   * null removes the key. Throws an error with a message for the user if there is no keychain; nothing is stored then.
   */
  async save(key: string | null): Promise<void> {
    await rm(this.#path, { force: true });
    if (key === null) return;
    if (!isSafe()) throw new Error(this.#texts.noKeychain);
    await writeJson(this.#path, safeStorage.encryptString(key).toString("base64"));
  }

  /** Returns null if no key is stored, or the keychain cannot decrypt it. */
  async read(): Promise<string | null> {
    const stored = await readJson(this.#path);
    if (typeof stored !== "string" || !isSafe()) return null;
    try {
      return safeStorage.decryptString(Buffer.from(stored, "base64"));
    } catch {
      return null;
    }
  }
}

/** The backend "basic_text" encrypts with a password that is part of Chromium's source code. */
function isSafe(): boolean {
  if (!safeStorage.isEncryptionAvailable()) return false;
  return process.platform !== "linux" || safeStorage.getSelectedStorageBackend() !== "basic_text";
}
