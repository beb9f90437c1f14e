// The process of jax-js: dense convolutions on its wasm backend, on request of peers/jax.ts. The package is not a
// dependency: it is used if it is installed beside this program or in the working directory.

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { GmrError } from "@gmr-conv/core";
import type { LayerShape } from "../layers.ts";
import type { LayerPass } from "../measurements.ts";
import { measureTurn, serve } from "../serve.ts";

const PACKAGE = "@jax-js/jax";
/** Runs that take more milliseconds are not preceded by an uncounted one. */
const LONG = 1000;

/** A function frees the arrays passed to it, unless it gets another reference, `ref`. */
interface JaxArray {
  ref: JaxArray;
  mul(other: JaxArray): JaxArray;
  sum(): JaxArray;
}

/** The part of jax-js in use. */
interface Jax {
  init(device: string): Promise<string[]>;
  defaultDevice(device: string): unknown;
  jit<F>(compute: F): F;
  grad(
    compute: (x: JaxArray, w: JaxArray, dy: JaxArray) => JaxArray,
    options: { argnums: number[] },
  ): (x: JaxArray, w: JaxArray, dy: JaxArray) => JaxArray[];
  blockUntilReady<T>(arrays: T): Promise<T>;
  lax: { conv(x: JaxArray, w: JaxArray, strides: number[], padding: "SAME"): JaxArray };
  random: { key(seed: number): JaxArray; normal(key: JaxArray, shape: number[]): JaxArray };
  tree: { dispose(arrays: unknown): void };
}

await serve(async () => {
  const shape: LayerShape = JSON.parse(process.argv[2]);
  const jax = await load();
  if (!(await jax.init("wasm")).includes("wasm")) {
    throw new GmrError("unsupported", "jax-js has no wasm backend here");
  }
  jax.defaultDevice("wasm");
  let current = { k: 0, passes: convolution(jax, shape, 1) };
  return {
    threads: 1,
    async answer(line) {
      const { k, pass }: { k: number; pass: LayerPass } = JSON.parse(line);
      if (k !== current.k) current = { k, passes: convolution(jax, shape, k) };
      const first = await measureTurn(current.passes[pass]); // uncounted: others used the caches
      return first.ms > LONG ? first : measureTurn(current.passes[pass]);
    },
  };
});

function convolution(
  jax: Jax,
  { shape: [batch, height, width, channels], filters }: LayerShape,
  k: number,
): Record<LayerPass, () => Promise<void>> {
  const normal = (seed: number, shape: number[]): JaxArray => jax.random.normal(jax.random.key(seed), shape);
  const x = normal(1, [batch, channels, height, width]);
  const kernel = normal(2, [filters, channels, k, k]);
  const dy = normal(3, [batch, filters, height, width]);
  const conv = (x: JaxArray, w: JaxArray): JaxArray => jax.lax.conv(x, w, [1, 1], "SAME");
  const forward = jax.jit(conv);
  const grads = jax.jit(
    jax.grad((x: JaxArray, w: JaxArray, dy: JaxArray) => conv(x, w).mul(dy).sum(), { argnums: [0, 1] }),
  );
  const finish = async (result: unknown): Promise<void> => {
    await jax.blockUntilReady(result);
    jax.tree.dispose(result);
  };
  return {
    forward: () => finish(forward(x.ref, kernel.ref)),
    "forward+backward": () => finish(grads(x.ref, kernel.ref, dy.ref)),
  };
}

async function load(): Promise<Jax> {
  const module: unknown = await import(PACKAGE).catch(() => importFrom(process.cwd()));
  if (isJax(module)) return module;
  throw new GmrError("unsupported", `this version of ${PACKAGE} lacks the functions to measure`);
}

async function importFrom(folder: string): Promise<unknown> {
  let file: string;
  try {
    file = createRequire(path.join(folder, "package.json")).resolve(PACKAGE);
  } catch {
    throw new GmrError("unsupported", `${PACKAGE} is not installed`);
  }
  return import(pathToFileURL(file).href);
}

function isJax(module: unknown): module is Jax {
  if (typeof module !== "object" || module === null) return false;
  const names = ["init", "defaultDevice", "jit", "grad", "blockUntilReady", "lax", "random", "tree"];
  return names.every((name) => name in module);
}
