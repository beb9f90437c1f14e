// Compiles the AssemblyScript kernels and writes them, base64-encoded, into src/generated/: modules that import nothing
// need no path settings in bundlers, Node or script tags. The same is done, compressed, with the files of the stock
// backend that pages would otherwise have to fetch. The exported signatures go to src/generated/kernels.ts, so that
// calls are type-checked.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { gzipSync } from "node:zlib";
import asc from "assemblyscript/asc";

const HEAD = "// Made by scripts/build-wasm.mjs.\n\n";

rmSync("src/generated", { recursive: true, force: true });
mkdirSync("src/generated", { recursive: true });
// The same kernels for a heap in shared memory, as threads need it, with the maximum size of the stock module.
const SHARED = ["--sharedMemory", "--enable=threads", "--initialMemory=1", "--maximumMemory=65536"];
// And for engines that have relaxed SIMD, which the Node that builds may lack.
const RELAXED = ["--enable=relaxed-simd"];
const builds = {
  plainKernels: ["The compiled kernels", ["--bindings=raw"]],
  sharedKernels: ["The compiled kernels for a heap in shared memory", SHARED],
  relaxedKernels: ["The compiled kernels with relaxed SIMD", RELAXED],
  relaxedSharedKernels: [
    "The compiled kernels with relaxed SIMD for a heap in shared memory",
    [...SHARED, ...RELAXED],
  ],
};
for (const [name, [what, options]] of Object.entries(builds)) {
  const bytes = await compile(`${name}.wasm`, options);
  writeModule(name, { KERNELS: [what, bytes] });
  console.log(`${name}: ${bytes.length} bytes`);
}
writeStockModules();
writeFileSync(
  "src/generated/kernels.ts",
  signatures(readFileSync("src/generated/plainKernels.d.ts", "utf8")),
);
for (const unused of ["plainKernels.d.ts", "plainKernels.js"]) rmSync(`src/generated/${unused}`);

async function compile(file, options) {
  const { error, stderr } = await asc.main([
    "assembly/index.ts",
    `--outFile=src/generated/${file}`,
    "-O3",
    "--noAssert",
    "--converge",
    "--runtime=stub",
    "--importMemory",
    "--enable=simd",
    ...options,
  ]);
  if (error) {
    console.error(stderr.toString());
    process.exit(1);
  }
  const bytes = readFileSync(`src/generated/${file}`);
  // A data segment would overwrite low memory of the module that owns the heap.
  if (sectionIds(bytes).includes(11)) throw new Error("the kernels must not have data segments");
  if (options.includes(RELAXED[0])) return bytes; // Imports as the others do; this Node may not compile it.
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes)).map(
    (i) => `${i.module}.${i.name}`,
  );
  if (imports.join() !== "env.memory") throw new Error(`unexpected imports: ${imports}`);
  return bytes;
}

/** A module of base64-encoded constants, `{ NAME: [what it is, its bytes] }`. */
function writeModule(file, constants) {
  const lines = Object.entries(constants).map(
    ([name, [what, bytes]]) =>
      `/** ${what}, base64-encoded. */\nexport const ${name}: string =\n  "${bytes.toString("base64")}";\n`,
  );
  writeFileSync(`src/generated/${file}.ts`, HEAD + lines.join("\n"));
}

/**
 * The builds of @tensorflow/tfjs-backend-wasm (Apache-2.0, see NOTICE) for pages. The script of the threaded one is what
 * its threads import; it is stored as text, since minifiers rename what the stock backend reads from its own source.
 */
function writeStockModules() {
  const require = createRequire(import.meta.url);
  const manifest = require.resolve("@tensorflow/tfjs-backend-wasm/package.json");
  const folder = path.join(path.dirname(manifest), "wasm-out");
  const read = (file) => gzipSync(readFileSync(path.join(folder, file)), { level: 9 });
  const { wasmWorkerContents } = require(path.join(folder, "tfjs-backend-wasm-threaded-simd.worker.js"));
  const { version } = JSON.parse(readFileSync(manifest, "utf8"));
  const what = "The stock module, compressed with gzip";
  writeModule("stockWasm", { WASM: [what, read("tfjs-backend-wasm-simd.wasm")] });
  writeModule("stockThreadedWasm", { WASM: [what, read("tfjs-backend-wasm-threaded-simd.wasm")] });
  writeModule("stockThreadScripts", {
    SCRIPT: [
      "What threads of the stock module import, compressed with gzip",
      read("tfjs-backend-wasm-threaded-simd.js"),
    ],
    // A blob turns line breaks within its strings into real ones, so they are escaped.
    WORKER: [
      "The script of a thread, compressed with gzip",
      gzipSync(wasmWorkerContents.replace(/\n/g, "\\n")),
    ],
  });
  writeFileSync(
    "src/generated/stockVersion.ts",
    `${HEAD}/** Of @tensorflow/tfjs-backend-wasm, from which the files here are. */\n` +
      `export const STOCK_VERSION: string = "${version}";\n`,
  );
}

/** The exported functions, from the compiler's declarations. */
function signatures(declarations) {
  const found = [...declarations.matchAll(/export function (\w+)\((.*?)\): void;/g)];
  const methods = found.map(([, name, parameters]) => `  ${name}(${parameters}): void;\n`);
  const counts = found.map(([, name, parameters]) => `  ${name}: ${parameters.split(",").length},\n`);
  return (
    "// What assembly/ exports, made by scripts/build-wasm.mjs.\n\n" +
    "/** Arguments: addresses, counts, factors and flags (0 or 1); `begin` and `end` bound a share of the work. */\n" +
    `export interface Kernels {\n${methods.join("")}}\n\n` +
    "/** Numbers of arguments. */\n" +
    `export const KERNEL_ARGUMENTS: Readonly<Record<keyof Kernels, number>> = {\n${counts.join("")}};\n`
  );
}

/** Ids of the sections of a WebAssembly binary. */
function sectionIds(binary) {
  const ids = [];
  for (let at = 8; at < binary.length; ) {
    ids.push(binary[at++]);
    let size = 0;
    for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) {
      byte = binary[at++];
      size |= (byte & 0x7f) << shift;
    }
    at += size;
  }
  return ids;
}
