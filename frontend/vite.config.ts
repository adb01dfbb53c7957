import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  // Relative URLs work in a subdirectory and in the desktop client as well.
  base: "./",
  build: {
    target: "es2023",
    // No data: URLs, because the content security policy is `default-src 'self'`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // index.html is the page and the main window of the desktop client; bubble.html and overlay.html are its overlay
    // windows. The gateway serves captions/index.html for every room.
    rolldownOptions: { input: ["index.html", "bubble.html", "overlay.html", "captions/index.html"] },
  },
  worker: { format: "es" },
  server: { proxy: { "/v1": { target: "ws://localhost:8080", ws: true } } },
  test: { include: ["client/src/**/*.test.ts", "src/**/*.test.ts", "main/**/*.test.ts"] },
});
