// The package on every available version of Node: this one, and those in GMR_NODE_BINARIES (paths with the system's
// separator), which .ci/run installs.

import { execFileSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { describeNative } from "../testing/describeNative.ts";

const folder = fileURLToPath(new URL("../", import.meta.url));
const others = (process.env.GMR_NODE_BINARIES ?? "").split(path.delimiter).filter(Boolean);
if (others.length === 0) {
  console.warn("Other versions of Node are skipped: GMR_NODE_BINARIES is not set.");
}

/** Runs a program with a version of Node in this package's folder, and returns its output. */
function run(node: string, program: string): string {
  return execFileSync(node, ["--input-type=module", "-e", program], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "3" },
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
}

/** Layers, gradients, and whatever calls functions that Node removed: tensors from arrays, reading, pooling. */
const PROGRAM = `
  import { useNode } from "@gmr-conv/backend-node";
  import { gmrConv2dLayer } from "@gmr-conv/tfjs";
  import * as tf from "@tensorflow/tfjs";
  await useNode({ cache: false });
  const model = tf.sequential({ layers: [
    gmrConv2dLayer({ inputShape: [6, 6, 1], filters: 2, kernelSize: 5, padding: "same", seed: 1 }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.flatten(),
    tf.layers.dense({ units: 2, activation: "softmax", kernelInitializer: "zeros" }),
  ] });
  model.compile({ optimizer: tf.train.adam(0.05), loss: "categoricalCrossentropy" });
  const x = tf.randomNormal([4, 6, 6, 1], 0, 1, "float32", 1);
  const { history } = await model.fit(x, tf.tensor2d([[1, 0], [0, 1], [1, 0], [0, 1]]), { epochs: 10, verbose: 0 });
  tf.topk(tf.tensor1d([3, 1, 2]), 2).values.dataSync();
  console.log(tf.getBackend(), history.loss[9] < history.loss[0]);`;

/** That package alone, whose kernels call removed functions. */
const BARE = `
  import tf from "@tensorflow/tfjs-node";
  console.log((await tf.maxPool(tf.ones([1, 4, 4, 1]), 2, 2, "valid").data()).length);`;

describeNative("on every version of Node", () => {
  describe.each([process.execPath, ...others])("%s", (node) => {
    const version = run(node, "console.log(process.versions.node)");

    it(`Node ${version} trains a layer`, () => {
      expect(run(node, PROGRAM)).toBe("tensorflow true");
    });

    if (Number.parseInt(version, 10) < 23) return;
    it(`Node ${version} breaks the package by itself`, () => {
      expect(() => run(node, BARE)).toThrow(/is not a function/);
    });
  });
});
