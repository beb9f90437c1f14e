// Builds the script for pages without a bundler: one file, whose exports are properties of the global gmrCore.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const at = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));

await build({
  root: at("."),
  configFile: false,
  logLevel: "error",
  build: {
    target: "es2022",
    outDir: at("dist"),
    emptyOutDir: false,
    lib: { entry: at("dist/script.js"), formats: ["iife"], name: "gmrCore", fileName: () => "gmr-core.js" },
    rolldownOptions: { output: { minify: true } },
  },
});
writeFileSync(at("dist/gmr-core.d.ts"), 'export * from "./script.js";\nexport as namespace gmrCore;\n');
