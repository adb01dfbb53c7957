import { defineConfig } from "vite";

/** Builds the main process and the preload script. The sandboxed preload script cannot load other files. */
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
