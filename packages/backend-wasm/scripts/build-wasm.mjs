// Compiles the AssemblyScript kernels and writes them, base64-encoded, into src/generated/module.ts: a module of a few
// kilobytes needs no path settings in bundlers, Node or script tags. The exported signatures go to
// src/generated/kernels.ts, so that calls are type-checked.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

mkdirSync("src/generated", { recursive: true });
const plain = await compile("kernels.wasm", ["--bindings=raw"]);
// The same kernels for a heap in shared memory, as threads need it, with the maximum size of the stock module.
const shared = await compile("kernels-shared.wasm", [
  "--sharedMemory",
  "--enable=threads",
  "--initialMemory=1",
  "--maximumMemory=65536",
]);
writeFileSync(
  "src/generated/module.ts",
  `/** The compiled kernels (${plain.length} bytes), made by scripts/build-wasm.mjs. */\n` +
    `export const KERNELS_BASE64 =\n  "${plain.toString("base64")}";\n\n` +
    "/** The same for a heap in shared memory. */\n" +
    `export const SHARED_KERNELS_BASE64 =\n  "${shared.toString("base64")}";\n`,
);
writeFileSync("src/generated/kernels.ts", signatures(readFileSync("src/generated/kernels.d.ts", "utf8")));
for (const unused of ["kernels.d.ts", "kernels.js"]) rmSync(`src/generated/${unused}`);
console.log(`kernels.wasm: ${plain.length} bytes, shared ${shared.length} bytes`);

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
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes)).map(
    (i) => `${i.module}.${i.name}`,
  );
  if (imports.join() !== "env.memory") throw new Error(`unexpected imports: ${imports}`);
  // A data segment would overwrite low memory of the module that owns the heap.
  if (sectionIds(bytes).includes(11)) throw new Error("the kernels must not have data segments");
  return bytes;
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
