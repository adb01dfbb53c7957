/** What the shell itself says: in the tray, and where something is not to be had. */

const en = {
  speak: "Speak",
  subtitles: "Subtitles",
  open: "Open Nova Voice",
  settings: "Settings",
  quit: "Quit",
  noTyping: "Nova Voice cannot type into other programs here: there is no display that it could type on.",
  noWaylandTyping: "To type into other programs under Wayland, install wtype, or ydotool with its service ydotoold.",
  noAccessibility:
    "To type into other programs, allow Nova Voice in System Settings, Privacy & Security, Accessibility; then start it anew.",
  waylandShortcut:
    "Under Wayland no program can have a global shortcut. In your desktop's settings, give the command nova-voice --toggle a key.",
  noHolding: "This system does not tell when a key is released: press the shortcut once to begin, and again to stop.",
  shortcutTaken: "Another program has this shortcut already; choose another one:",
  notTyped: "The text could not be typed. It is in the history.",
  tooMuch: "Too much waits to be typed; this text was not. It is in the history.",
  keysHeld: "A key like Ctrl or Alt was held down for so long that the text was not typed. It is in the history.",
  clipboardHolds:
    "The text was not typed: it would have to be pasted, and what the clipboard holds now could not be put back. It is in the history.",
  refused: "The program that has the focus does not let others type into it.",
  noKeychain:
    "This computer has no keychain that Nova Voice could keep the key in, so it is not kept. Install a keyring (gnome-keyring or KWallet).",
  noNova: "The server is not installed on this computer: there is no command nova.",
  noServerChosen: "No server has been chosen.",
  badAddress: "This is not the address of a server:",
  serverStopped: "The server on this computer has stopped:",
  serverSilent: "The server on this computer says nothing and is not ready. Its last words:",
};

export type Words = Readonly<Record<keyof typeof en, string>>;

const es: Words = {
  speak: "Hablar",
  subtitles: "Subtítulos",
  open: "Abrir Nova Voice",
  settings: "Ajustes",
  quit: "Salir",
  noTyping: "Nova Voice no puede escribir aquí en otros programas: no hay pantalla en la que pueda hacerlo.",
  noWaylandTyping: "Para escribir en otros programas con Wayland, instale wtype, o ydotool con su servicio ydotoold.",
  noAccessibility:
    "Para escribir en otros programas, permita Nova Voice en Ajustes del Sistema, Privacidad y seguridad, Accesibilidad, y ábralo de nuevo.",
  waylandShortcut:
    "Con Wayland ningún programa puede tener un atajo global. Asigne una tecla a la orden nova-voice --toggle en los ajustes de su escritorio.",
  noHolding: "Este sistema no avisa cuando se suelta una tecla: pulse el atajo una vez para empezar y otra para terminar.",
  shortcutTaken: "Otro programa ya tiene este atajo; elija otro:",
  notTyped: "No se pudo escribir el texto. Está en el historial.",
  tooMuch: "Hay demasiado por escribir; este texto no se escribió. Está en el historial.",
  keysHeld: "Una tecla como Ctrl o Alt estuvo pulsada tanto tiempo que el texto no se escribió. Está en el historial.",
  clipboardHolds:
    "El texto no se escribió: habría que pegarlo, y lo que hay ahora en el portapapeles no se podría restaurar. Está en el historial.",
  refused: "El programa que tiene el foco no deja que otros escriban en él.",
  noKeychain:
    "Este equipo no tiene un llavero donde guardar la clave, así que no se guarda. Instale uno (gnome-keyring o KWallet).",
  noNova: "El servidor no está instalado en este equipo: no existe la orden nova.",
  noServerChosen: "No se ha elegido ningún servidor.",
  badAddress: "Esto no es la dirección de un servidor:",
  serverStopped: "El servidor de este equipo se ha parado:",
  serverSilent: "El servidor de este equipo no dice nada y no está listo. Lo último que dijo:",
};

const zh: Words = {
  speak: "说话",
  subtitles: "字幕",
  open: "打开 Nova Voice",
  settings: "设置",
  quit: "退出",
  noTyping: "Nova Voice 无法在此向其他程序输入文字：没有可用的显示。",
  noWaylandTyping: "在 Wayland 下向其他程序输入文字，需要安装 wtype，或 ydotool 及其服务 ydotoold。",
  noAccessibility: "要向其他程序输入文字，请在“系统设置”的“隐私与安全性”“辅助功能”中允许 Nova Voice，然后重新打开。",
  waylandShortcut: "在 Wayland 下，程序不能使用全局快捷键。请在桌面设置中为命令 nova-voice --toggle 指定一个按键。",
  noHolding: "本系统不会告知按键何时松开：按一次快捷键开始，再按一次停止。",
  shortcutTaken: "此快捷键已被其他程序占用，请换一个：",
  notTyped: "文字未能输入。可在历史记录中找到。",
  tooMuch: "等待输入的文字过多，这段文字没有输入。可在历史记录中找到。",
  keysHeld: "Ctrl 或 Alt 之类的按键一直被按住，文字没有输入。可在历史记录中找到。",
  clipboardHolds: "文字没有输入：需要粘贴，而剪贴板中现有的内容将无法恢复。可在历史记录中找到。",
  refused: "当前窗口的程序不允许其他程序向它输入文字。",
  noKeychain: "本机没有可用的钥匙串，因此密钥不会保存。请安装 gnome-keyring 或 KWallet。",
  noNova: "本机没有安装服务器：找不到命令 nova。",
  noServerChosen: "还没有选择服务器。",
  badAddress: "这不是服务器的地址：",
  serverStopped: "本机的服务器已停止：",
  serverSilent: "本机的服务器没有反应，尚未就绪。它最后的输出：",
};

/** By the locale's language, English for any that is missing. */
export function wordsFor(locale: string): Words {
  const language = locale.toLowerCase().split(/[-_]/)[0];
  return language === "es" ? es : language === "zh" ? zh : en;
}
