/** Texts of the shell: the tray menu, and messages about what does not work. */

const en = {
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

const es: ShellTexts = {
  speak: "Iniciar o detener el dictado",
  subtitles: "Iniciar o detener los subtítulos",
  open: "Abrir Nova Voice",
  settings: "Ajustes",
  quit: "Salir",
  noTyping: "Nova Voice no puede escribir en otros programas porque no hay ninguna pantalla.",
  noWaylandTyping: "Para escribir en otros programas con Wayland, instala wtype, o ydotool con su servicio ydotoold.",
  noAccessibility:
    "Para escribir en otros programas, permite Nova Voice en Ajustes del Sistema > Privacidad y seguridad > Accesibilidad y reinícialo.",
  waylandShortcut:
    "Wayland no permite atajos globales. En los ajustes de teclado de tu escritorio, asigna un atajo al comando nova-voice --toggle.",
  noHolding:
    "Este sistema no notifica cuándo se suelta una tecla. Pulsa el atajo una vez para iniciar y otra para detener.",
  shortcutTaken: "Otro programa ya usa este atajo. Elige otro:",
  notTyped: "No se pudo escribir el texto. Está en el historial.",
  tooMuch: "Hay demasiados textos pendientes, así que este no se escribió. Está en el historial.",
  keysHeld: "El texto no se escribió porque una tecla como Ctrl o Alt estaba pulsada. Está en el historial.",
  clipboardHolds:
    "El texto no se escribió porque pegarlo reemplazaría contenido del portapapeles que no se podría restaurar. Está en el historial.",
  refused: "El programa activo no acepta texto de otros programas.",
  noKeychain: "La clave no se guardó porque este ordenador no tiene llavero. Instala gnome-keyring o KWallet.",
  noNova: "El servidor no está instalado en este ordenador. No se encontró el comando nova.",
  noServerChosen: "No hay ningún servidor configurado.",
  badAddress: "Esta dirección de servidor no es válida:",
  serverStopped: "El servidor de este ordenador se detuvo:",
  serverSilent: "El servidor de este ordenador no llegó a estar listo. Su última salida:",
};

const zh: ShellTexts = {
  speak: "开始或停止语音输入",
  subtitles: "开始或停止字幕",
  open: "打开 Nova Voice",
  settings: "设置",
  quit: "退出",
  noTyping: "没有可用的显示，Nova Voice 无法向其他程序输入文字。",
  noWaylandTyping: "在 Wayland 下向其他程序输入文字，需要安装 wtype，或 ydotool 及其服务 ydotoold。",
  noAccessibility: "要向其他程序输入文字，请在“系统设置”>“隐私与安全性”>“辅助功能”中允许 Nova Voice，然后重新启动。",
  waylandShortcut: "Wayland 不支持全局快捷键。请在桌面的键盘设置中为命令 nova-voice --toggle 指定快捷键。",
  noHolding: "本系统不报告按键松开。按一次快捷键开始，再按一次停止。",
  shortcutTaken: "此快捷键已被其他程序占用。请选择其他快捷键：",
  notTyped: "文字未能输入。可在历史记录中找到。",
  tooMuch: "等待输入的文字过多，因此未输入这段文字。可在历史记录中找到。",
  keysHeld: "由于 Ctrl 或 Alt 等按键一直被按住，文字未能输入。可在历史记录中找到。",
  clipboardHolds: "文字未能输入，因为粘贴会替换无法恢复的剪贴板内容。可在历史记录中找到。",
  refused: "当前程序不接受其他程序输入的文字。",
  noKeychain: "本机没有钥匙串，因此未保存密钥。请安装 gnome-keyring 或 KWallet。",
  noNova: "本机未安装服务器。找不到命令 nova。",
  noServerChosen: "尚未配置服务器。",
  badAddress: "服务器地址无效：",
  serverStopped: "本机的服务器已停止：",
  serverSilent: "本机的服务器未能就绪。最后的输出：",
};

/** English for languages without a translation. */
export function textsFor(locale: string): ShellTexts {
  const language = locale.toLowerCase().split(/[-_]/)[0];
  return language === "es" ? es : language === "zh" ? zh : en;
}
