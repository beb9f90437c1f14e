// Builds the page into dist/page, from where `gmr export web` copies it.

import { cpSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

/** Files cannot be loaded by `crossorigin` from `file:`, where the page at least says what to do. */
const withoutCrossOrigin: Plugin = {
  name: "without-crossorigin",
  transformIndexHtml: { order: "post", handler: (html) => html.replaceAll(" crossorigin", "") },
};

const output = fileURLToPath(new URL("../dist/page", import.meta.url));

/** The stock modules of the WebAssembly backend, beside the page. */
const wasmFiles: Plugin = {
  name: "wasm-files",
  closeBundle() {
    const stock = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm/package.json");
    const filter = (file: string): boolean => !path.extname(file) || file.endsWith(".wasm");
    cpSync(path.join(path.dirname(stock), "wasm-out"), path.join(output, "wasm"), {
      recursive: true,
      filter,
    });
  },
};

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./", // any folder of any server
  plugins: [withoutCrossOrigin, wasmFiles],
  worker: { format: "es" },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: output,
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 4000,
    modulePreload: { polyfill: false }, // every browser with es2022 has it
  },
});
