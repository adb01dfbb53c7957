/** Returns a file that starts a command on Linux desktops. Pure. (Desktop Entry Specification 1.5, "The Exec key") */
export function desktopEntry(command: readonly string[]): string {
  const quoted = command.map(
    (word) =>
      `"${word
        .replace(/["`$\\]/g, "\\$&")
        .replace(/\\/g, "\\\\")
        .replace(/%/g, "%%")}"`,
  );
  return `[Desktop Entry]\nType=Application\nName=Nova Voice\nExec=${quoted.join(" ")}\nTerminal=false\n`;
}
