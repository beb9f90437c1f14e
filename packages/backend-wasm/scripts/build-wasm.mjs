// Compiles the AssemblyScript kernels and writes them, base64-encoded, into src/generated/module.ts: a module of
// a few kilobytes needs no path settings in bundlers, Node or script tags.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

const { error, stderr } = await asc.main([
  "assembly/index.ts",
  "--outFile=src/generated/kernels.wasm",
  "-O3",
  "--noAssert",
  "--converge",
  "--runtime=stub",
  "--importMemory",
  "--enable=simd",
]);
if (error) {
  console.error(stderr.toString());
  process.exit(1);
}
const bytes = readFileSync("src/generated/kernels.wasm");
const parsed = new WebAssembly.Module(bytes);
const imports = WebAssembly.Module.imports(parsed).map((i) => `${i.module}.${i.name}`);
if (imports.join() !== "env.memory") throw new Error(`unexpected imports: ${imports}`);
// A data segment would overwrite the low memory of the module whose heap the kernels work on.
if (sectionIds(bytes).includes(11)) throw new Error("the kernels must not have data segments");
mkdirSync("src/generated", { recursive: true });
writeFileSync(
  "src/generated/module.ts",
  `/** The compiled kernels (${bytes.length} bytes), made by scripts/build-wasm.mjs. */\n` +
    `export const KERNELS_BASE64 =\n  "${bytes.toString("base64")}";\n`,
);
console.log(`kernels.wasm: ${bytes.length} bytes`);

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
