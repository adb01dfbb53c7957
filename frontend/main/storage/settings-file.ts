/** What was kept, from start to start. */
import type { ShellSettings } from "../../src/desktop/bridge";
import { isSettings } from "../ipc/validation";
import { readJson, writeJson } from "./json-file";

export class Settings {
  readonly #path: string;
  #last: Promise<void> = Promise.resolve();
  /** Null at the first start. */
  now: ShellSettings | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Settings that cannot be understood are those of a first start. */
  async read(): Promise<void> {
    const kept = await readJson(this.#path);
    try {
      this.now = kept === null ? null : isSettings(kept);
    } catch {
      this.now = null;
    }
  }

  /** One after the other, so that the last one asked for is the one that stays. */
  keep(settings: ShellSettings): Promise<void> {
    this.now = settings;
    const written = this.#last.then(() => writeJson(this.#path, settings));
    this.#last = written.catch(() => undefined);
    return written;
  }
}
