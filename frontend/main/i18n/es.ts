import type { ShellTexts } from "./en";

export const es: ShellTexts = {
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
