/** The keyboards of this computer. Each is connected when it is first needed. */
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { clipboard, systemPreferences } from "electron";
import type { Platform } from "../../src/desktop/bridge";
import { chooseMethod, displayOf, type InjectionMethod, type KeyboardKind } from "./injection-method";
import { paste } from "./clipboard-paste";
import type { ClipboardName, Keyboard } from "./keyboard";
import type { KeyReader } from "../shortcuts/shortcuts";
import type { KeyboardProvider } from "./text-typer";

/** Returns the full path of a command in the folders of `path`, or null. */
export async function findCommand(command: string, path: string): Promise<string | null> {
  for (const folder of path.split(delimiter).filter((folder) => folder !== "")) {
    const file = join(folder, command);
    const isExecutable = await access(file, 1).then(
      () => true,
      () => false,
    );
    if (isExecutable) return file;
  }
  return null;
}

export class SystemKeyboards implements KeyboardProvider, KeyReader {
  readonly platform: Platform;
  readonly method: InjectionMethod;
  readonly #open = new Map<KeyboardKind, Keyboard>();

  private constructor(platform: Platform, choice: InjectionMethod) {
    this.platform = platform;
    this.method = choice;
  }

  static async detect(): Promise<SystemKeyboards> {
    const platform = process.platform === "win32" || process.platform === "darwin" ? process.platform : "linux";
    const commands = new Set<string>();
    for (const command of ["wtype", "ydotool"]) {
      if ((await findCommand(command, process.env.PATH ?? "")) !== null) commands.add(command);
    }
    const isTrusted = platform !== "darwin" || systemPreferences.isTrustedAccessibilityClient(true);
    return new SystemKeyboards(
      platform,
      chooseMethod({ platform, display: displayOf(process.env), commands, isTrusted }),
    );
  }

  async keyboards(): Promise<readonly Keyboard[]> {
    const all: Keyboard[] = [];
    for (const way of this.method.keyboards) {
      const keyboard = await this.#keyboard(way).catch(() => null);
      if (keyboard !== null) all.push(keyboard);
    }
    return all;
  }

  async paste(text: string, keyboard: Keyboard): Promise<void> {
    const boards: readonly ClipboardName[] = this.platform === "linux" ? ["clipboard", "selection"] : ["clipboard"];
    await paste(text, clipboard, boards, keyboard);
  }

  async canReadKeys(): Promise<boolean> {
    return (await this.keyboards()).some((keyboard) => keyboard.keysDown !== undefined);
  }

  /** Returns an empty list if the platform does not report keys. */
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

  async #keyboard(way: KeyboardKind): Promise<Keyboard> {
    const open = this.#open.get(way);
    if (open !== undefined && open.isOpen !== false) return open;
    const keyboard = await connect(way);
    this.#open.set(way, keyboard);
    return keyboard;
  }
}

/** Loads each module only where it is needed, because its library may be missing elsewhere. */
async function connect(way: KeyboardKind): Promise<Keyboard> {
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
