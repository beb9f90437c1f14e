// What packages weigh in a bundle: minified and gzipped, without TensorFlow.js and what is loaded on demand.

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";

const entryOf = (name: string): string =>
  fileURLToPath(new URL(`../../../packages/${name}/dist/index.js`, import.meta.url));

/** Kilobytes of all exports of some packages together. */
async function sizeOf(packages: readonly string[]): Promise<number> {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: packages.map((name) => `export * from ${JSON.stringify(entryOf(name))};`).join("\n"),
      resolveDir: ".",
    },
    bundle: true,
    minify: true,
    format: "esm",
    splitting: true,
    outdir: "out",
    write: false,
    metafile: true,
    platform: "browser",
    target: "es2022",
    external: ["@tensorflow/*", "node:*"],
  });
  const outputs = Object.entries(metafile.outputs);
  const needed = new Set<string>();
  const need = (file: string): void => {
    if (needed.has(file)) return;
    needed.add(file);
    for (const { kind, path } of metafile.outputs[file].imports) {
      if (kind === "import-statement" && path in metafile.outputs) need(path);
    }
  };
  need(outputs.find(([, { entryPoint }]) => entryPoint === "<stdin>")?.[0] ?? "");
  const files = outputFiles.filter(({ path }) => [...needed].some((file) => path.endsWith(file)));
  const bytes = files.map(({ contents }) => gzipSync(contents, { level: 9 }).length).reduce((a, b) => a + b);
  return bytes / 1000;
}

it.each([
  [["core"], 11.2],
  [["tfjs", "backend-wasm"], 51],
  [["models"], 45],
])("%s with all exports: at most %d kB", async (packages, budget) => {
  const size = await sizeOf(packages);
  console.log(`${packages.join(" + ")}: ${size.toFixed(1)} kB`);
  expect(size).toBeLessThanOrEqual(budget);
});
