/** Downloads Electron's program for `make desktop`. If this fails, prints what to do instead of a stack trace. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const installer = process.argv[2] ?? "node_modules/electron/install.js";
if (!existsSync(installer)) {
  console.error("Electron is not installed: run `npm ci` in the folder frontend.");
  process.exit(1);
}
const done = spawnSync(process.execPath, [installer], { encoding: "utf8", stdio: ["ignore", "inherit", "pipe"] });
// Ctrl-C, for example. The network is not the reason.
if (done.signal) process.exit(1);
if (done.status !== 0) {
  const [reason] = done.stderr.match(/^.*Error\b.*$/m) ?? [done.stderr.trim() || "no reason given"];
  console.error(
    `Electron could not be downloaded from ${process.env.ELECTRON_MIRROR ?? "GitHub"} (${reason}): ` +
      "connect to the internet, or set ELECTRON_MIRROR to the address of a mirror.",
  );
  process.exit(1);
}
