/** The icon beside the clock. */
import { join } from "node:path";
import { Menu, nativeImage, Tray } from "electron";
import type { Wish } from "../../src/desktop/bridge";
import type { Words } from "../i18n/texts";

/** `wish` is told what was chosen; "settings" and a click show the main window as well. */
export function showTray(folder: string, words: Words, wish: (wish: Wish) => void, present: () => void): Tray {
  const tray = new Tray(nativeImage.createFromPath(join(folder, process.platform === "darwin" ? "trayTemplate.png" : "tray.png")));
  const item = (label: string, chosen: Wish) => ({ label, click: () => { wish(chosen); } });
  tray.setToolTip("Nova Voice");
  tray.setContextMenu(
    Menu.buildFromTemplate([
      item(words.speak, "toggle"),
      item(words.subtitles, "subtitles"),
      { type: "separator" },
      { label: words.open, click: present },
      item(words.settings, "settings"),
      { type: "separator" },
      item(words.quit, "quit"),
    ]),
  );
  tray.on("click", present);
  return tray;
}
