// Builds the page into dist/page, from where `gmr export web` copies it.

import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

/** Files cannot be loaded by `crossorigin` from `file:`, where the page at least says what to do. */
const withoutCrossOrigin: Plugin = {
  name: "without-crossorigin",
  transformIndexHtml: { order: "post", handler: (html) => html.replaceAll(" crossorigin", "") },
};

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./", // any folder of any server
  plugins: [withoutCrossOrigin],
  worker: { format: "es" },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist/page",
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 4000,
    modulePreload: { polyfill: false }, // every browser with es2022 has it
  },
});
