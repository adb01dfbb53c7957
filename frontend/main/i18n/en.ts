/** Texts of the shell: the tray menu, and messages about what does not work. */
export const en = {
  speak: "Start or stop dictation",
  subtitles: "Start or stop subtitles",
  open: "Open Nova Voice",
  settings: "Settings",
  quit: "Quit",
  noTyping: "Nova Voice cannot type into other programs, because there is no display.",
  noWaylandTyping: "To type into other programs under Wayland, install wtype, or ydotool with its service ydotoold.",
  noAccessibility:
    "To type into other programs, allow Nova Voice in System Settings > Privacy & Security > Accessibility, then restart it.",
  waylandShortcut:
    "Wayland does not allow global shortcuts. In your desktop's keyboard settings, assign a shortcut to the command nova-voice --toggle.",
  noHolding: "This system does not report released keys. Press the shortcut once to start and again to stop.",
  shortcutTaken: "Another program already uses this shortcut. Choose another one:",
  notTyped: "The text could not be typed. It is in the history.",
  tooMuch: "Too many texts are waiting to be typed, so this one was not typed. It is in the history.",
  keysHeld: "The text was not typed, because a key such as Ctrl or Alt was held down. It is in the history.",
  clipboardHolds:
    "The text was not typed, because pasting it would replace clipboard content that could not be put back. It is in the history.",
  refused: "The focused program does not accept text from other programs.",
  noKeychain: "The key was not saved, because this computer has no keychain. Install gnome-keyring or KWallet.",
  noNova: "The server is not installed on this computer. The command nova was not found.",
  noServerChosen: "No server is configured.",
  badAddress: "This is not a valid server address:",
  serverStopped: "The server on this computer stopped:",
  serverSilent: "The server on this computer did not become ready. Its last output:",
};

export type ShellTexts = Readonly<Record<keyof typeof en, string>>;
