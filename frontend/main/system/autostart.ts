/** Starts the program at login. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { app } from "electron";
import { HIDDEN } from "./command-line";
import { desktopEntry } from "./desktop-entry";

export async function setOpenAtLogin(isEnabled: boolean): Promise<void> {
  if (process.platform !== "linux") {
    app.setLoginItemSettings({ openAtLogin: isEnabled, args: [HIDDEN] });
    return;
  }
  const folder = join(process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config"), "autostart");
  const entry = join(folder, "nova-voice.desktop");
  if (!isEnabled) {
    await rm(entry, { force: true });
    return;
  }
  await mkdir(folder, { recursive: true });
  await writeFile(entry, desktopEntry(command()));
}

/**
 * An AppImage is started from its own file, not from where it is unpacked. From source, Electron needs the app's path.
 */
function command(): readonly string[] {
  const image = process.env.APPIMAGE;
  if (image !== undefined) return [image, HIDDEN];
  return app.isPackaged ? [process.execPath, HIDDEN] : [process.execPath, app.getAppPath(), HIDDEN];
}
