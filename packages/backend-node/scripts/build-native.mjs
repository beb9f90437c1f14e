// Compiles the kernels in native/ to dist/native/<platform>-<architecture>.node with the system's C compiler: $CC, else
// cc, gcc or clang. Without one, or on a platform that they do not support, it says so and succeeds: the package then
// computes with TensorFlow's own ops.

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const sources = path.join(root, "native");
const target = path.join(root, "dist", "native", `${process.platform}-${process.arch}.node`);

/** A build of the kernels: the table's name, floats in a vector, options of the compiler. */
const BUILDS = {
  x64: [
    ["avx512", 16, "-mavx512f", "-mavx512vl", "-mfma"],
    ["avx2", 8, "-mavx2", "-mfma"],
    ["generic", 4],
  ],
  arm64: [["generic", 4]],
}[process.arch];

const OPTIONS = ["-std=gnu11", "-O3", "-Wall", "-Wextra", "-fPIC", "-fvisibility=hidden"];

async function findCompiler() {
  for (const command of process.env.CC ? [process.env.CC] : ["cc", "gcc", "clang"]) {
    const isThere = await run(command, ["--version"]).then(
      () => true,
      () => false,
    );
    if (isThere) return command;
  }
  return undefined;
}

async function compile(compiler) {
  mkdirSync(path.dirname(target), { recursive: true });
  const folder = mkdtempSync(`${target}-`);
  try {
    const compileOne = async (source, name, options) => {
      const object = path.join(folder, `${name}.o`);
      await run(compiler, [...OPTIONS, ...options, "-c", path.join(sources, source), "-o", object]);
      return object;
    };
    const objects = await Promise.all([
      ...BUILDS.map(([name, lanes, ...options]) =>
        compileOne("kernels.c", name, [
          `-DKERNELS=${name}`,
          `-DNAME="${name}"`,
          `-DLANES=${lanes}`,
          ...options,
        ]),
      ),
      ...["dispatch", "module", "parallel"].map((name) => compileOne(`${name}.c`, name, [])),
    ]);
    const library = path.join(folder, "module.node");
    const shared =
      process.platform === "darwin" ? ["-dynamiclib", "-undefined", "dynamic_lookup"] : ["-shared"];
    await run(compiler, [...shared, "-o", library, ...objects, "-lm", "-lpthread"]);
    renameSync(library, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const compiler = await findCompiler();
if (!BUILDS || !["linux", "darwin"].includes(process.platform)) {
  console.log(`no native kernels for ${process.platform} on ${process.arch}`);
} else if (!compiler) {
  console.log(`no native kernels: no C compiler (${process.env.CC ?? "cc, gcc or clang"})`);
} else {
  await compile(compiler);
}
