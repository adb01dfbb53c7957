/** Builds the pages for Chrome 83 (Electron 9), with polyfills. */
import { readFileSync } from "node:fs";
import { defineConfig, mergeConfig, type Plugin } from "vite";
import pages from "../vite.config.ts";

const FILE = "assets/chrome83.js";

const chrome83: Plugin = {
  name: "chrome-83",
  transformIndexHtml: () => [{ tag: "script", attrs: { src: `./${FILE}` }, injectTo: "head-prepend" }],
  generateBundle() {
    this.emitFile({ type: "asset", fileName: FILE, source: readFileSync(new URL("chrome83.js", import.meta.url)) });
  },
};

export default mergeConfig(
  pages,
  defineConfig({
    plugins: [chrome83],
    build: { target: "chrome83", outDir: process.env.OUT ?? "", emptyOutDir: true },
  }),
);
