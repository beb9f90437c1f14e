// Builds what pages load as it is: the worker's script, the same as compressed text and as a module for the page itself,
// and the script for pages without a bundler. Each is one file without imports.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  for (const id of output[0].moduleIds) {
    const [folder] = /^.*\/node_modules\/(@[^/]+\/)?[^/]+(?=\/)/.exec(id) ?? [];
    if (folder && !id.startsWith("\0")) included.add(folder);
  }
  return output[0].code;
}

/** Folders of the packages of others that were bundled. */
const included = new Set();

/** The licences of what was bundled, as they ask for. */
function licences() {
  const parts = [...included].map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(`${folder}/${file}`, "utf8").trim() : "";
    return `${name} ${version} (${license})\n\n${text}`.trim();
  });
  return `The files beside this one contain:\n\n${[...new Set(parts)].sort().join(`\n\n${"-".repeat(70)}\n\n`)}\n`;
}

rmSync(at("dist"), { recursive: true, force: true });
mkdirSync(at("dist/prebuilt"), { recursive: true });
const worker = await bundle("src/worker.ts", "iife", "gmrWorker");
writeFileSync(at("dist/worker.js"), worker);
const text = gzipSync(worker, { level: 9 }).toString("base64");
writeFileSync(at("dist/prebuilt/workerText.js"), `export const WORKER_GZIP_BASE64 = "${text}";\n`);
writeFileSync(at("dist/prebuilt/engine.js"), await bundle("src/inPage.ts", "es"));
writeFileSync(at("dist/gmr-web.js"), await bundle("src/script.ts", "iife", "gmrWeb"));
writeFileSync(at("dist/LICENSES.txt"), licences());
writeFileSync(at("dist/worker.d.ts"), "export {};\n");
writeFileSync(at("dist/gmr-web.d.ts"), 'export * from "./index.js";\nexport as namespace gmrWeb;\n');
