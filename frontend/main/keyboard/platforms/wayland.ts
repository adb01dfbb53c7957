/** Keyboards under Wayland: programs that a desktop lets press keys. The text goes by a pipe, so no list of processes shows it. */
import { spawn } from "node:child_process";
import { Untypable, type Keyboard } from "../keyboard";

const WITHIN_MS = 30_000;
/** Linux input event codes of the left Shift key and of Insert, down and up. */
const SHIFT_INSERT = ["42:1", "110:1", "110:0", "42:0"];

/** For desktops with the protocol virtual-keyboard (wlroots, KDE; not GNOME). */
export const wtype: Keyboard = {
  type: (text) => run("wtype", ["-"], text),
  pressPaste: () => run("wtype", ["-M", "shift", "-k", "Insert", "-m", "shift"], ""),
  close: () => undefined,
};

/** Knows keys, not letters: enough to paste. */
export const ydotool: Keyboard = {
  pressPaste: () => run("ydotool", ["key", ...SHIFT_INSERT], ""),
  close: () => undefined,
};

function run(command: string, given: readonly string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, given, { stdio: ["pipe", "ignore", "pipe"], timeout: WITHIN_MS });
    let complaint = "";
    child.stderr.on("data", (piece: Buffer) => (complaint = (complaint + piece.toString()).slice(-500)));
    child.on("error", (error) => {
      reject(new Untypable(error.message));
    });
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Untypable(complaint.trim()));
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
