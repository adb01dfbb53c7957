import type { ShellSettings } from "../../src/desktop/bridge";

export const shellSettings: ShellSettings = {
  place: { kind: "address", url: "https://voice.example" },
  holdShortcut: "F9",
  toggleShortcut: "",
  subtitlesShortcut: "",
  opensAtLogin: false,
  overlay: { isLocked: true, at: null },
  servesCaptions: false,
  settings: "{}",
};
