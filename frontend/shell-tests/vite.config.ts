/** The shell for Electron 9, into OUT. */
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import shell from "../vite.shell.config.ts";

const NODE = "node:";
const TODAY = fileURLToPath(new URL("electron9.ts", import.meta.url));
const FILES = "\0files";

const OF_NODE_12 = `
  import { promises } from "fs";
  export const { access, mkdir, open, readFile, rename, writeFile } = promises;
  export const rm = (path) => promises.unlink(path).catch(() => undefined);
`;

/** Electron 9 runs Node 12: no prefix before the names of its modules, and `fs/promises` within `fs`. */
const electron9: Plugin = {
  name: "electron-9",
  enforce: "pre",
  resolveId(source, importer) {
    if (source === "electron" && importer?.includes("/preload/") === false) return TODAY;
    if (source === "electron") return { id: source, external: true };
    if (source === "node:fs/promises") return FILES;
    return source.startsWith(NODE) ? { id: source.slice(NODE.length), external: true } : null;
  },
  load: (id) => (id === FILES ? OF_NODE_12 : null),
};

export default defineConfig({
  ...shell,
  plugins: [electron9],
  build: {
    ...shell.build,
    target: "chrome83",
    outDir: process.env.OUT ?? "",
    emptyOutDir: true,
    rolldownOptions: { ...shell.build?.rolldownOptions, external: ["koffi"] },
  },
  ssr: { noExternal: true, external: ["koffi"] },
});
