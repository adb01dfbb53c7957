/** The settings of the shell, in a JSON file. */
import type { ShellSettings } from "../../src/desktop/bridge";
import { parseShellSettings } from "../ipc/validation";
import { readJson, writeJson } from "./json-file";

export class SettingsFile {
  readonly #path: string;
  #last: Promise<void> = Promise.resolve();
  /** null at the first start. */
  current: ShellSettings | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** An unreadable file counts as none. */
  async read(): Promise<void> {
    const stored = await readJson(this.#path);
    try {
      this.current = stored === null ? null : parseShellSettings(stored);
    } catch {
      this.current = null;
    }
  }

  /** Writes one after the other, so that the last call wins. */
  save(settings: ShellSettings): Promise<void> {
    this.current = settings;
    const written = this.#last.then(() => writeJson(this.#path, settings));
    this.#last = written.catch(() => undefined);
    return written;
  }
}
