// Convolutions with random options: ONNX Runtime must compute what TensorFlow.js does.

import {
  fusedBatchNormalization,
  type GmrConvTransposeArgs,
  gmrConv1dLayer,
  gmrConv2dLayer,
  gmrConv2dTransposeLayer,
  gmrConv3dLayer,
  gmrConv3dTransposeLayer,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { expectSameInOnnx, randomizeWeights } from "../../testing/onnx.ts";
import { exportOnnx } from "./index.ts";

beforeEach(() => {
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
});

type Factory = (args: GmrConvTransposeArgs) => tf.layers.Layer;
const CONVS: Factory[] = [gmrConv1dLayer, gmrConv2dLayer, gmrConv3dLayer];
const TRANSPOSED: Factory[] = [gmrConv2dTransposeLayer, gmrConv2dTransposeLayer, gmrConv3dTransposeLayer];

/** A layer's model, weights drawn from a seed, or undefined if the options do not fit the sizes. */
function build(
  layer: () => tf.layers.Layer,
  shape: (number | null)[],
  seed: number,
): tf.LayersModel | undefined {
  const input = tf.input({ shape, name: "x" });
  try {
    const model = tf.model({ inputs: input, outputs: layer().apply(input) as tf.SymbolicTensor });
    randomizeWeights(model, seed);
    return model;
  } catch (error) {
    expect(error).toMatchObject({ name: "GmrError", code: expect.stringMatching(/^invalid/) });
    return undefined;
  }
}

const perAxis = (rank: number, max: number, min = 1) =>
  fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank });

const gmrProblems = fc
  .record({ rank: fc.integer({ min: 1, max: 3 }), transposed: fc.boolean() })
  .map(({ rank, transposed }) => ({ rank: transposed ? Math.max(rank, 2) : rank, transposed }))
  .chain(({ rank, transposed }) =>
    fc.record({
      rank: fc.constant(rank),
      transposed: fc.constant(transposed),
      size: perAxis(rank, rank === 3 ? 6 : 11, 3),
      open: fc.boolean(),
      kernelSize: fc.array(fc.constantFrom(1, 3, 5), { minLength: rank, maxLength: rank }),
      strides: perAxis(rank, 3),
      padding: fc.oneof(fc.constantFrom("same" as const, "valid" as const), perAxis(rank, 3, 0)),
      padMode: fc.constantFrom("zeros", "reflect", "replicate", "circular"),
      dilationRate: perAxis(rank, 2),
      outputPadding: perAxis(rank, 1, 0),
      groups: fc.constantFrom(1, 2),
      circular: fc.boolean(),
      mixture: fc.boolean(),
      trainMasks: fc.boolean(),
      useBias: fc.boolean(),
      activation: fc.constantFrom("linear", "relu", "softmax"),
      norm: fc.boolean(),
      layout: fc.constantFrom("NCHW", "NHWC"),
      rings: fc.constantFrom("fold", "keep", "sums"),
      seed: fc.nat(),
    }),
  );

test("GMR convolutions", { timeout: 120_000 }, async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(gmrProblems, async (problem) => {
      const {
        rank,
        transposed,
        size,
        open,
        padMode,
        padding,
        outputPadding,
        norm,
        layout,
        rings,
        seed,
        ...args
      } = problem;
      const create = () =>
        transposed
          ? TRANSPOSED[rank - 1]({
              ...args,
              padding,
              outputPadding: padding === "same" ? 0 : outputPadding,
              filters: 4,
            } as GmrConvTransposeArgs)
          : CONVS[rank - 1]({ ...args, padding, padMode, filters: 4 } as GmrConvTransposeArgs);
      const image = [...size, 2];
      const closed = build(create, image, seed);
      if (!closed) return;
      let model = closed;
      if (open) {
        const strided = (axis: number) => args.strides[axis] > 1 && args.kernelSize[axis] > 1;
        const unusual = (axis: number) => args.dilationRate[axis] > 1 || args.strides[axis] > reach(axis);
        const reach = (axis: number) => args.dilationRate[axis] * (args.kernelSize[axis] - 1) + 1;
        const axes = size.map((_, axis) => axis);
        const unknown =
          padding === "same" && axes.some(strided) && (padMode !== "zeros" || axes.some(unusual));
        const sizes = [...size.map(() => null), 2];
        const opened = build(create, sizes, seed);
        if (unknown && opened && !transposed) {
          await expect(exportOnnx(opened)).rejects.toMatchObject({ code: "unsupported" });
        } else if (opened) {
          model = opened;
        }
      }
      if (norm) {
        const y = fusedBatchNormalization({ relu: args.circular }).apply(
          model.outputs[0],
        ) as tf.SymbolicTensor;
        model = tf.model({ inputs: model.inputs, outputs: y });
        randomizeWeights(model, seed);
      }
      const x = tf.randomNormal([2, ...image], 0, 1, "float32", seed);
      await expectSameInOnnx(model, [x], { layout, rings });
      compared++;
    }),
    { numRuns: 200 },
  );
  expect(compared).toBeGreaterThan(100);
});

const stockProblems = fc.integer({ min: 1, max: 3 }).chain((rank) =>
  fc.record({
    kind: fc.constantFrom("conv", "transposed", "max", "average"),
    size: perAxis(rank, rank === 3 ? 6 : 11, 3),
    open: fc.boolean(),
    kernelSize: perAxis(rank, 4),
    strides: perAxis(rank, 4),
    padding: fc.constantFrom("same", "valid"),
    dilationRate: fc.integer({ min: 1, max: 2 }),
    layout: fc.constantFrom("NCHW", "NHWC"),
    seed: fc.nat(),
  }),
);

const { layers } = tf;
const STOCK = {
  conv: [layers.conv1d, layers.conv2d, layers.conv3d],
  transposed: [undefined, layers.conv2dTranspose, layers.conv3dTranspose],
  max: [layers.maxPooling1d, layers.maxPooling2d, layers.maxPooling3d],
  average: [layers.averagePooling1d, layers.averagePooling2d, layers.averagePooling3d],
} as Record<string, (((args: object) => tf.layers.Layer) | undefined)[]>;

test("stock convolutions and pooling", { timeout: 120_000 }, async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(stockProblems, async ({ kind, size, open, layout, seed, ...args }) => {
      const { kernelSize, strides, padding } = args;
      const rank = size.length;
      const create = STOCK[kind][rank - 1];
      const fits = size.every((n, axis) => n >= 2 * kernelSize[axis] - 1);
      if (!create || (kind !== "transposed" && padding === "valid" && !fits)) return;
      // TensorFlow.js supports only one of the two.
      const dilationRate = kind === "conv" && strides.every((stride) => stride === 1) ? args.dilationRate : 1;
      const options = { ...args, poolSize: kernelSize, filters: 3, dilationRate };
      const input = tf.input({ shape: [...size.map((n) => (open ? null : n)), 2], name: "x" });
      const model = tf.model({ inputs: input, outputs: create(options).apply(input) as tf.SymbolicTensor });
      randomizeWeights(model, seed);
      const exceeding = strides.some((stride, axis) => stride > kernelSize[axis]);
      const strided = strides.some((stride, axis) => stride > 1 && (rank === 3 || kernelSize[axis] > 1));
      if (open && kind !== "transposed" && padding === "same" && strided && exceeding) {
        await expect(exportOnnx(model)).rejects.toMatchObject({ code: "unsupported" });
        return;
      }
      await expectSameInOnnx(model, [tf.randomNormal([2, ...size, 2], 0, 1, "float32", seed)], { layout });
      compared++;
    }),
    { numRuns: 200 },
  );
  expect(compared).toBeGreaterThan(100);
});
