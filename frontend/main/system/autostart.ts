/** Starting with the computer. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { app } from "electron";
import { HIDDEN } from "./command-line";
import { desktopEntry } from "./desktop-entry";

export async function openAtLogin(isWanted: boolean): Promise<void> {
  if (process.platform !== "linux") {
    app.setLoginItemSettings({ openAtLogin: isWanted, args: [HIDDEN] });
    return;
  }
  const folder = join(process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config"), "autostart");
  const entry = join(folder, "nova-voice.desktop");
  if (!isWanted) {
    await rm(entry, { force: true });
    return;
  }
  await mkdir(folder, { recursive: true });
  await writeFile(entry, desktopEntry(command()));
}

/** An AppImage is where its user put it, not where it is unpacked; from source, Electron is told what to run. */
function command(): readonly string[] {
  const image = process.env.APPIMAGE;
  if (image !== undefined) return [image, HIDDEN];
  return app.isPackaged ? [process.execPath, HIDDEN] : [process.execPath, app.getAppPath(), HIDDEN];
}
