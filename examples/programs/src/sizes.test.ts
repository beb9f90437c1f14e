// What packages weigh in a bundle: minified and gzipped, without TensorFlow.js and what is loaded on demand.

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";

const entryOf = (name: string): string =>
  fileURLToPath(new URL(`../../../packages/${name}/dist/index.js`, import.meta.url));

/** What a page imports of a package: everything, or the names given. */
type Imports = Readonly<Record<string, "all" | readonly string[]>>;

/** Kilobytes of a page that imports these together. */
async function sizeOf(imports: Imports): Promise<number> {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: Object.entries(imports)
        .map(([name, names]) => {
          const what = names === "all" ? "*" : `{ ${names.join(", ")} }`;
          return `export ${what} from ${JSON.stringify(entryOf(name))};`;
        })
        .join("\n"),
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

it.each<[string, Imports, number]>([
  ["core with all exports", { core: "all" }, 6],
  ["tfjs + backend-wasm with all exports", { tfjs: "all", "backend-wasm": "all" }, 51],
  ["gmrConv2d and useWasm alone", { tfjs: ["gmrConv2d"], "backend-wasm": ["useWasm"] }, 39.4],
  ["models with all exports", { models: "all" }, 30],
])("%s", async (name, imports, budget) => {
  const size = await sizeOf(imports);
  console.log(`${name}: ${size.toFixed(1)} kB`);
  expect(size).toBeLessThanOrEqual(budget);
});
