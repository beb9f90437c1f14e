// Random graphs in which the same tensors are needed in several orders of axes.

import { gmrConv2dLayer, instanceNormalization } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterEach, beforeEach, test } from "vitest";
import { expectSameInOnnx, randomizeWeights } from "../../testing/onnx.ts";

const { layers } = tf;

/** Layers for maps of any size, chosen by a random number. */
const MAKERS: ((n: number, shape: tf.Shape) => tf.layers.Layer)[] = [
  () => layers.reLU(),
  (n) =>
    layers.permute({
      dims: [
        [1, 2, 3],
        [3, 1, 2],
        [2, 3, 1],
        [3, 2, 1],
        [1, 3, 2],
        [2, 1, 3],
      ][n % 6],
    }),
  (_, [, a, b, c]) => layers.reshape({ targetShape: [c, a, b] as number[] }),
  (n) => layers.dense({ units: 1 + (n % 4) }),
  (n) => layers.conv2d({ filters: 1 + (n % 4), kernelSize: 3, padding: "same" }),
  (n) => gmrConv2dLayer({ filters: 1 + (n % 4), kernelSize: 3, padding: "same", useBias: n % 2 > 0 }),
  () => layers.batchNormalization(),
  (n) => layers.layerNormalization({ axis: 1 + (n % 3) }),
  // Maps of one position cannot be normalised.
  (_, [, a, b]) => ((a ?? 1) * (b ?? 1) > 1 ? instanceNormalization() : layers.reLU()),
  () => layers.activation({ activation: "softmax" }),
  () => layers.prelu({}),
  (n) => layers.averagePooling2d({ poolSize: 2, strides: 1 + (n % 2), padding: "same" }),
  (n) =>
    layers.zeroPadding2d({
      padding: [
        [n % 2, 1],
        [0, n % 3],
      ],
    }),
];

const steps = fc.array(fc.tuple(fc.nat(MAKERS.length + 1), fc.nat(), fc.nat(), fc.boolean()), {
  minLength: 3,
  maxLength: 12,
});

beforeEach(() => {
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
});

test("random graphs", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom("NCHW", "NHWC"), fc.nat(), async (plan, layout, seed) => {
      const made = [tf.input({ shape: [4, 3, 2], name: "x" })];
      const used = new Set<tf.SymbolicTensor>();
      for (const [kind, number, at, latest] of plan) {
        const x = latest ? made[made.length - 1] : made[at % made.length];
        // `predict` frees a tensor too early if a layer takes it twice.
        const fitting = made.filter((y) => y !== x && y.shape.join() === x.shape.join());
        if (kind >= MAKERS.length && fitting.length === 0) continue;
        const inputs = kind < MAKERS.length ? [x] : [x, fitting[number % fitting.length]];
        const merge = kind === MAKERS.length ? layers.add() : layers.concatenate({ axis: 1 + (number % 3) });
        const layer = MAKERS[kind]?.(number, x.shape) ?? merge;
        made.push(layer.apply(inputs.length === 1 ? x : inputs) as tf.SymbolicTensor);
        for (const input of inputs) used.add(input);
      }
      const outputs = made.filter((x, i) => i > 0 && (!used.has(x) || i % 3 === 0));
      if (outputs.length === 0) return;
      const model = tf.model({ inputs: made[0], outputs });
      randomizeWeights(model, seed);
      const x = tf.randomNormal([2, 4, 3, 2], 0, 1, "float32", seed);
      // Normalising few, nearly equal numbers amplifies rounding.
      await expectSameInOnnx(model, [x], { layout }, 1e-4);
    }),
    { numRuns: 100 },
  );
});
