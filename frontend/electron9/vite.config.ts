/** Builds the shell for Electron 9 into the folder OUT. */
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import shell from "../vite.shell.config.ts";

const NODE = "node:";
const ADAPTER = fileURLToPath(new URL("electron9.ts", import.meta.url));
const FS_PROMISES = "\0files";

const FS_PROMISES_FOR_NODE_12 = `
  import { promises } from "fs";
  export const { access, mkdir, open, readFile, rename, writeFile } = promises;
  export const rm = (path) => promises.unlink(path).catch(() => undefined);
`;

/** Electron 9 contains Node.js 12, which has no `node:` prefix and no module `fs/promises`. */
const electron9: Plugin = {
  name: "electron-9",
  enforce: "pre",
  resolveId(source, importer) {
    if (source === "electron" && importer?.includes("/preload/") === false) return ADAPTER;
    if (source === "electron") return { id: source, external: true };
    if (source === "node:fs/promises") return FS_PROMISES;
    return source.startsWith(NODE) ? { id: source.slice(NODE.length), external: true } : null;
  },
  load: (id) => (id === FS_PROMISES ? FS_PROMISES_FOR_NODE_12 : null),
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
