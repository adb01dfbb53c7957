/** The keyboards of this computer, connected when they are first needed. */
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { clipboard, systemPreferences } from "electron";
import type { Platform } from "../../src/desktop/bridge";
import { choose, displayOf, type Choice, type Way } from "./injection-method";
import { paste } from "./clipboard-paste";
import type { Board, Keyboard } from "./keyboard";
import type { Keys } from "../shortcuts/shortcuts";
import type { Hands } from "./text-typer";

/** The full path of a command, as a shell would find it; null where there is none. */
export async function found(command: string, path: string): Promise<string | null> {
  for (const folder of path.split(delimiter).filter((folder) => folder !== "")) {
    const file = join(folder, command);
    const isThere = await access(file, 1).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return null;
}

export class Computer implements Hands, Keys {
  readonly platform: Platform;
  readonly choice: Choice;
  readonly #open = new Map<Way, Keyboard>();

  private constructor(platform: Platform, choice: Choice) {
    this.platform = platform;
    this.choice = choice;
  }

  /** Looks at what there is. */
  static async here(): Promise<Computer> {
    const platform = process.platform === "win32" || process.platform === "darwin" ? process.platform : "linux";
    const commands = new Set<string>();
    for (const command of ["wtype", "ydotool"]) {
      if ((await found(command, process.env.PATH ?? "")) !== null) commands.add(command);
    }
    const isTrusted = platform !== "darwin" || systemPreferences.isTrustedAccessibilityClient(true);
    return new Computer(platform, choose({ platform, display: displayOf(process.env), commands, isTrusted }));
  }

  async keyboards(): Promise<readonly Keyboard[]> {
    const all: Keyboard[] = [];
    for (const way of this.choice.ways) {
      const keyboard = await this.#keyboard(way).catch(() => null);
      if (keyboard !== null) all.push(keyboard);
    }
    return all;
  }

  async paste(text: string, keyboard: Keyboard): Promise<void> {
    const boards: readonly Board[] = this.platform === "linux" ? ["clipboard", "selection"] : ["clipboard"];
    await paste(text, clipboard, boards, keyboard);
  }

  async tellsKeys(): Promise<boolean> {
    return (await this.keyboards()).some((keyboard) => keyboard.keysDown !== undefined);
  }

  /** None where nothing tells. */
  async keysDown(): Promise<readonly number[]> {
    for (const keyboard of await this.keyboards()) {
      if (keyboard.keysDown !== undefined) return keyboard.keysDown();
    }
    return [];
  }

  close(): void {
    for (const keyboard of this.#open.values()) keyboard.close();
    this.#open.clear();
  }

  async #keyboard(way: Way): Promise<Keyboard> {
    const open = this.#open.get(way);
    if (open !== undefined && open.isOpen !== false) return open;
    const keyboard = await connect(way);
    this.#open.set(way, keyboard);
    return keyboard;
  }
}

/** Each is loaded only where it is needed: the libraries behind them are not everywhere. */
async function connect(way: Way): Promise<Keyboard> {
  switch (way) {
    case "x11":
      return (await import("./x11/x11")).connect(process.env.DISPLAY ?? "");
    case "windows":
      return (await import("./platforms/windows")).connect();
    case "macos":
      return (await import("./platforms/macos")).connect();
    case "wtype":
      return (await import("./platforms/wayland")).wtype;
    case "ydotool":
      return (await import("./platforms/wayland")).ydotool;
  }
}
