import { defineConfig } from "vite";

/** The shell: two scripts for Electron. The preload is sandboxed and can load no other, so neither shares anything with the other. */
export default defineConfig({
  publicDir: "main/icons",
  build: {
    ssr: true,
    target: "node22",
    outDir: "dist-shell",
    minify: false,
    rolldownOptions: {
      input: { main: "main/main.ts", preload: "preload/preload.ts" },
      external: ["electron", "koffi"],
      output: { format: "cjs", entryFileNames: "[name].cjs", chunkFileNames: "[name].cjs" },
    },
  },
  ssr: { noExternal: true, external: ["electron", "koffi"] },
});
