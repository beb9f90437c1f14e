// Compiles the AssemblyScript kernels and writes them, base64-encoded, into src/generated/module.ts: a module of
// a few kilobytes needs no path settings in bundlers, Node or script tags.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

mkdirSync("src/generated", { recursive: true });
const plain = await compile("kernels.wasm", []);
// The same kernels for a heap in shared memory, as threads need it. The most that the stock module may grow to.
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
  // A data segment would overwrite the low memory of the module whose heap the kernels work on.
  if (sectionIds(bytes).includes(11)) throw new Error("the kernels must not have data segments");
  return bytes;
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
