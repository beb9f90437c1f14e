// Builds what pages load as it is: the worker's script, the same as compressed text and as a module for the page itself,
// and the script for pages without a bundler. Each is one file without imports.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const at = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));

/** Bundles a source file; returns the text. */
async function bundle(entry, format, name) {
  const [{ output }] = await build({
    root: at("."),
    configFile: false,
    logLevel: "error",
    resolve: { alias: [{ find: /^@tensorflow\/tfjs$/, replacement: at("scripts/tensorflow.mjs") }] },
    // Code for Node, which webpack would otherwise try to resolve.
    define: Object.fromEntries(["__filename", "__dirname", "process"].map((name) => [name, "undefined"])),
    build: {
      write: false,
      target: "es2022",
      lib: { entry: at(entry), formats: [format], name },
      rolldownOptions: { output: { codeSplitting: false, minify: true } },
    },
  });
  if (output.length !== 1) throw new Error(`${entry}: expected one file, got ${output.length}`);
  return output[0].code;
}

rmSync(at("dist"), { recursive: true, force: true });
mkdirSync(at("dist/prebuilt"), { recursive: true });
const worker = await bundle("src/worker.ts", "iife", "gmrWorker");
writeFileSync(at("dist/worker.js"), worker);
const text = gzipSync(worker, { level: 9 }).toString("base64");
writeFileSync(at("dist/prebuilt/workerText.js"), `export const WORKER_GZIP_BASE64 = "${text}";\n`);
writeFileSync(at("dist/prebuilt/engine.js"), await bundle("src/inPage.ts", "es"));
writeFileSync(at("dist/gmr-web.js"), await bundle("src/script.ts", "iife", "gmrWeb"));
