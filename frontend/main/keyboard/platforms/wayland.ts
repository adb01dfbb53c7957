/** Keyboards under Wayland: commands that may press keys. Text is passed by a pipe, so process lists do not show it. */
import { spawn } from "node:child_process";
import { CannotType, type Keyboard } from "../keyboard";

const COMMAND_TIMEOUT_MS = 30_000;
// Linux input event codes: left Shift and Insert, down and up.
const SHIFT_INSERT = ["42:1", "110:1", "110:0", "42:0"];

/** Works on desktops with the protocol virtual-keyboard (wlroots and KDE, but not GNOME). */
export const wtype: Keyboard = {
  type: (text) => run("wtype", ["-"], text),
  pressPaste: () => run("wtype", ["-M", "shift", "-k", "Insert", "-m", "shift"], ""),
  close: () => undefined,
};

/** Presses keys, but cannot type letters, so it is used to paste. */
export const ydotool: Keyboard = {
  pressPaste: () => run("ydotool", ["key", ...SHIFT_INSERT], ""),
  close: () => undefined,
};

function run(command: string, args: readonly string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "ignore", "pipe"], timeout: COMMAND_TIMEOUT_MS });
    let errors = "";
    child.stderr.on("data", (piece: Buffer) => (errors = (errors + piece.toString()).slice(-500)));
    child.on("error", (error) => reject(new CannotType(error.message)));
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new CannotType(errors.trim()));
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
