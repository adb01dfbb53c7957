import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  // Relative, so that the page also opens from a sub-path or a desktop shell.
  base: "./",
  // No data: addresses: the page runs under `default-src 'self'`.
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The page, which is the desktop client's main window as well, and its little windows.
    rolldownOptions: { input: ["index.html", "bubble.html", "overlay.html"] },
  },
  worker: { format: "es" },
  server: { proxy: { "/v1": { target: "ws://localhost:8080", ws: true } } },
  test: { include: ["client/src/**/*.test.ts", "src/**/*.test.ts", "main/**/*.test.ts"] },
});
