import { join } from "node:path";
import { Menu, nativeImage, Tray } from "electron";
import type { UserAction } from "../../src/desktop/bridge";
import type { ShellTexts } from "../i18n/texts";

/** Creates the tray icon. A click shows the main window. */
export function showTray(
  folder: string,
  texts: ShellTexts,
  perform: (action: UserAction) => void,
  present: () => void,
): Tray {
  const tray = new Tray(
    nativeImage.createFromPath(join(folder, process.platform === "darwin" ? "trayTemplate.png" : "tray.png")),
  );
  const item = (label: string, action: UserAction) => ({
    label,
    click: () => perform(action),
  });
  tray.setToolTip("Nova Voice");
  tray.setContextMenu(
    Menu.buildFromTemplate([
      item(texts.speak, "toggle"),
      item(texts.subtitles, "subtitles"),
      { type: "separator" },
      { label: texts.open, click: present },
      item(texts.settings, "settings"),
      { type: "separator" },
      item(texts.quit, "quit"),
    ]),
  );
  tray.on("click", present);
  return tray;
}
