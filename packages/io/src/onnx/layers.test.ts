// Every stock layer: ONNX Runtime must compute what TensorFlow.js does.

import { symmetricPooling } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeEach, describe, test } from "vitest";
import { expectSameInOnnx, expectSameOutputs, randomizeWeights } from "../../testing/onnx.ts";
import { exportOnnx } from "./index.ts";

type Symbolic = tf.SymbolicTensor;
type Layer = tf.layers.Layer;

/** A layer for inputs of these shapes (without the batch). */
interface Case {
  shapes: number[][];
  apply: (inputs: Symbolic[]) => Symbolic;
}

function one(shape: number[], ...layers: Layer[]): Case {
  return { shapes: [shape], apply: ([x]) => layers.reduce((y, layer) => layer.apply(y) as Symbolic, x) };
}

function several(shapes: number[][], layer: Layer): Case {
  return { shapes, apply: (inputs) => layer.apply(inputs) as Symbolic };
}

const { layers } = tf;
const MAP = [7, 6, 3];
const CUBE = [5, 6, 4, 2];
const FIRST = { dataFormat: "channelsFirst" } as const;

const convs: Record<string, Case> = {
  Conv1D: one([9, 3], layers.conv1d({ filters: 4, kernelSize: 3, strides: 2, padding: "same" })),
  "Conv1D, dilated": one(
    [9, 3],
    layers.conv1d({ filters: 4, kernelSize: 3, dilationRate: 2, useBias: false }),
  ),
  Conv2D: one(MAP, layers.conv2d({ filters: 4, kernelSize: [3, 2], strides: [2, 1], activation: "relu" })),
  "Conv2D, same, even kernel": one(
    MAP,
    layers.conv2d({ filters: 4, kernelSize: 4, strides: 2, padding: "same" }),
  ),
  "Conv2D, dilated": one(
    MAP,
    layers.conv2d({ filters: 4, kernelSize: 3, dilationRate: [2, 1], padding: "same" }),
  ),
  "Conv2D, channels first": one(
    [3, 7, 6],
    layers.conv2d({
      filters: 4,
      kernelSize: 3,
      strides: 2,
      padding: "same",
      activation: "softmax",
      ...FIRST,
    }),
  ),
  Conv3D: one(CUBE, layers.conv3d({ filters: 3, kernelSize: 3, strides: [1, 2, 2], padding: "same" })),
  "Conv3D, stride beyond the kernel": one(
    CUBE,
    layers.conv3d({ filters: 3, kernelSize: [1, 1, 2], strides: [3, 4, 2], padding: "same" }),
  ),
  "Conv3D, channels first": one(
    [2, 5, 6, 4],
    layers.conv3d({ filters: 3, kernelSize: 3, padding: "same", ...FIRST }),
  ),
  Conv2DTranspose: one(MAP, layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2 })),
  "Conv2DTranspose, same": one(
    MAP,
    layers.conv2dTranspose({ filters: 4, kernelSize: [4, 3], strides: 2, padding: "same" }),
  ),
  "Conv2DTranspose, stride beyond the kernel": one(
    MAP,
    layers.conv2dTranspose({ filters: 4, kernelSize: 2, strides: [3, 5] }),
  ),
  "Conv2DTranspose, stride beyond the kernel, same": one(
    MAP,
    layers.conv2dTranspose({ filters: 4, kernelSize: 2, strides: [3, 5], padding: "same" }),
  ),
  "Conv2DTranspose, channels first": one(
    [3, 7, 6],
    layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: "same", ...FIRST }),
  ),
  Conv3DTranspose: one(CUBE, layers.conv3dTranspose({ filters: 3, kernelSize: 3, strides: [2, 1, 2] })),
  "Conv3DTranspose, same, stride beyond the kernel": one(
    CUBE,
    layers.conv3dTranspose({ filters: 3, kernelSize: [1, 2, 3], strides: [3, 3, 2], padding: "same" }),
  ),
  DepthwiseConv2D: one(
    MAP,
    layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, strides: 2, padding: "same" }),
  ),
  "DepthwiseConv2D, dilations that it does not apply": one(
    MAP,
    layers.depthwiseConv2d({ kernelSize: 3, dilationRate: 2 }),
  ),
  "DepthwiseConv2D, channels first": one(
    [3, 7, 6],
    layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, ...FIRST }),
  ),
  SeparableConv2D: one(
    MAP,
    layers.separableConv2d({ filters: 5, kernelSize: 3, depthMultiplier: 2, strides: 2, activation: "relu" }),
  ),
  "SeparableConv2D, dilated, same": one(
    MAP,
    layers.separableConv2d({ filters: 5, kernelSize: 3, dilationRate: 2, padding: "same", useBias: false }),
  ),
};

const dense: Record<string, Case> = {
  Dense: one([6], layers.dense({ units: 4, activation: "tanh" })),
  "Dense, no bias": one([6], layers.dense({ units: 4, useBias: false })),
  "Dense on sequences": one([5, 6], layers.dense({ units: 4, activation: "softmax" })),
  "Dense on images": one(MAP, layers.dense({ units: 4, activation: "relu" })),
  "Dense on images, no bias": one(MAP, layers.dense({ units: 4, useBias: false })),
};

const norms: Record<string, Case> = {
  BatchNormalization: one(MAP, layers.batchNormalization()),
  "BatchNormalization of vectors": one([6], layers.batchNormalization({ scale: false })),
  LayerNormalization: one(MAP, layers.layerNormalization()),
  "LayerNormalization of vectors": one([6], layers.layerNormalization({ center: false })),
  "LayerNormalization, other axes": one(MAP, layers.layerNormalization({ axis: [2, 1] })),
  "LayerNormalization, last axes": one(MAP, layers.layerNormalization({ axis: [1, 2, 3], scale: false })),
};

const activations = Object.fromEntries(
  (
    [
      ["elu", "hardSigmoid", "linear", "relu", "relu6", "selu", "sigmoid", "softmax", "softplus"],
      ["softsign", "tanh", "swish", "mish", "gelu", "gelu_new"],
    ] as const
  )
    .flat()
    .map((activation) => [`Activation ${activation}`, one(MAP, layers.activation({ activation }))]),
) satisfies Record<string, Case>;

const pointwise: Record<string, Case> = {
  // Missing in the types of TensorFlow.js.
  "Activation logSoftmax": one(MAP, layers.activation({ activation: "logSoftmax" as "softmax" })),
  ReLU: one(MAP, layers.reLU()),
  "ReLU with a maximum": one(MAP, layers.reLU({ maxValue: 0.5 })),
  LeakyReLU: one(MAP, layers.leakyReLU({ alpha: 0.2 })),
  PReLU: one(MAP, layers.prelu({})),
  "PReLU, shared": one(MAP, layers.prelu({ sharedAxes: [1, 2] })),
  "PReLU of vectors": one([6], layers.prelu({})),
  ELU: one(MAP, layers.elu()),
  ThresholdedReLU: one(MAP, layers.thresholdedReLU({ theta: 0.3 })),
  Softmax: one([6], layers.softmax()),
  "Softmax, last axis": one(MAP, layers.softmax({ axis: -1 })),
  // The types require a single axis.
  "Softmax, several axes": one(MAP, layers.softmax({ axis: [1, 3] as unknown as number })),
  Rescaling: one(MAP, layers.rescaling({ scale: 0.5, offset: -1 })),
  Dropout: one(MAP, layers.dropout({ rate: 0.5 })),
  SpatialDropout1D: one([5, 4], layers.spatialDropout1d({ rate: 0.5 })),
  GaussianNoise: one(MAP, layers.gaussianNoise({ stddev: 1 })),
  GaussianDropout: one(MAP, layers.gaussianDropout({ rate: 0.5 })),
  AlphaDropout: one(MAP, layers.alphaDropout({ rate: 0.5 })),
};

const merges: Record<string, Case> = {
  Add: several([MAP, MAP, MAP], layers.add()),
  Multiply: several([MAP, [1, 1, 3]], layers.multiply()),
  "Multiply, other ranks": several([MAP, [3]], layers.multiply()),
  Average: several([[6], [6], [6]], layers.average()),
  Maximum: several([MAP, MAP, MAP], layers.maximum()),
  Minimum: several([MAP, [6, 3]], layers.minimum()),
  Concatenate: several([MAP, [7, 6, 2]], layers.concatenate()),
  "Concatenate, other axis": several([MAP, [7, 2, 3]], layers.concatenate({ axis: 2 })),
  "Dot of vectors": several([[6], [6]], layers.dot({ axes: 1 })),
  "Dot of vectors, normalized": several([[6], [6]], layers.dot({ axes: -1, normalize: true })),
  "Dot of matrices": several(
    [
      [4, 5],
      [5, 3],
    ],
    layers.dot({ axes: [2, 1] }),
  ),
  "Dot of matrices, normalized": several(
    [
      [5, 4],
      [3, 5],
    ],
    layers.dot({ axes: [1, 2], normalize: true }),
  ),
  "Dot of a matrix and a vector": several([[4, 5], [5]], layers.dot({ axes: [2, 1] })),
  "Dot of a vector and a matrix": several([[5], [4, 5]], layers.dot({ axes: [1, 2] })),
};

const shapes: Record<string, Case> = {
  Flatten: one(MAP, layers.flatten()),
  "Flatten, channels first": one([3, 7, 6], layers.flatten({ dataFormat: "channelsFirst" })),
  Reshape: one(MAP, layers.reshape({ targetShape: [6, 21] })),
  "Reshape, open size": one([24], layers.reshape({ targetShape: [2, -1, 3] })),
  Permute: one(MAP, layers.permute({ dims: [3, 1, 2] })),
  RepeatVector: one([6], layers.repeatVector({ n: 4 })),
  ZeroPadding2D: one(
    MAP,
    layers.zeroPadding2d({
      padding: [
        [1, 2],
        [0, 3],
      ],
    }),
  ),
  "ZeroPadding2D, channels first": one([3, 7, 6], layers.zeroPadding2d({ padding: 1, ...FIRST })),
  Cropping2D: one(
    MAP,
    layers.cropping2D({
      cropping: [
        [1, 2],
        [0, 3],
      ],
    }),
  ),
  "Cropping2D, channels first": one(
    [3, 7, 6],
    layers.cropping2D({
      cropping: [
        [0, 0],
        [2, 1],
      ],
      ...FIRST,
    }),
  ),
  UpSampling2D: one(MAP, layers.upSampling2d({ size: [2, 3] })),
  "UpSampling2D, bilinear": one(MAP, layers.upSampling2d({ size: [3, 2], interpolation: "bilinear" })),
  "UpSampling2D, channels first": one([3, 7, 6], layers.upSampling2d({ size: [2, 2], ...FIRST })),
};

const pools: Record<string, Case> = {
  MaxPooling1D: one([9, 3], layers.maxPooling1d({ poolSize: 3, strides: 2, padding: "same" })),
  AveragePooling1D: one([9, 3], layers.averagePooling1d({ poolSize: 4, strides: 3, padding: "same" })),
  MaxPooling2D: one(MAP, layers.maxPooling2d({ poolSize: 2 })),
  "MaxPooling2D, same": one(MAP, layers.maxPooling2d({ poolSize: 3, strides: 1, padding: "same" })),
  "MaxPooling2D, channels first": one([3, 7, 6], layers.maxPooling2d({ poolSize: 3, strides: 2, ...FIRST })),
  AveragePooling2D: one(MAP, layers.averagePooling2d({ poolSize: [3, 2], strides: [1, 2] })),
  "AveragePooling2D, same": one(MAP, layers.averagePooling2d({ poolSize: 4, strides: 2, padding: "same" })),
  MaxPooling3D: one(CUBE, layers.maxPooling3d({ poolSize: 3, strides: 2, padding: "same" })),
  "MaxPooling3D, stride beyond the pool": one(
    CUBE,
    layers.maxPooling3d({ poolSize: [1, 2, 1], strides: [3, 4, 3], padding: "same" }),
  ),
  AveragePooling3D: one(CUBE, layers.averagePooling3d({ poolSize: 3, strides: 2, padding: "same" })),
  "MaxPooling2D after ZeroPadding2D": one(
    MAP,
    layers.zeroPadding2d({ padding: 2 }),
    layers.maxPooling2d({ poolSize: 2, strides: 1, padding: "same" }),
  ),
  "AveragePooling2D after ZeroPadding2D": one(
    MAP,
    layers.zeroPadding2d({ padding: 2 }),
    layers.averagePooling2d({ poolSize: 2, strides: 1 }),
  ),
  GlobalAveragePooling1D: one([9, 3], layers.globalAveragePooling1d({})),
  GlobalMaxPooling1D: one([9, 3], layers.globalMaxPooling1d({})),
  GlobalAveragePooling2D: one(MAP, layers.globalAveragePooling2d({ dataFormat: "channelsLast" })),
  "GlobalAveragePooling2D, channels first": one(MAP, layers.globalAveragePooling2d(FIRST)),
  GlobalMaxPooling2D: one(MAP, layers.globalMaxPooling2d({ dataFormat: "channelsLast" })),
};

const groups = { convs, dense, norms, activations, pointwise, merges, shapes, pools };

beforeEach(() => {
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
});

describe.each(Object.entries(groups))("%s", (_, cases) => {
  test.each(Object.entries(cases))("%s", async (name, { shapes: sizes, apply }) => {
    const inputs = sizes.map((shape, i) => tf.input({ shape, name: `in${i}` }));
    const model = tf.model({ inputs, outputs: apply(inputs) });
    randomizeWeights(model);
    const batches = [1, 3].map((batch) =>
      sizes.map((shape, i) => tf.randomNormal([batch, ...shape], 0, 1, "float32", 7 * batch + i)),
    );
    const asGiven = name.includes("channels first");
    await expectSameInOnnx(model, batches, { layout: "NHWC" });
    if (!asGiven) await expectSameInOnnx(model, batches);
  });
});

// Windows that depend on sizes unknown until the file runs.
describe.each(["average", "max"] as const)("SymmetricPooling, %s", (pooling) => {
  test.each<[string, (number | null)[], number[], number[][]]>([
    ["1-D", [null], [2], [[7], [8], [1]]],
    [
      "2-D",
      [null, null],
      [2, 2],
      [
        [7, 6],
        [8, 9],
        [7, 7],
        [6, 6],
        [1, 2],
      ],
    ],
    [
      "2-D, strides 3 and 1",
      [null, null],
      [3, 1],
      [
        [7, 6],
        [8, 9],
        [9, 9],
      ],
    ],
    [
      "2-D, one size known",
      [null, 7],
      [2, 2],
      [
        [7, 7],
        [6, 7],
      ],
    ],
    ["2-D, both known", [9, 8], [4, 2], [[9, 8]]],
    [
      "3-D",
      [null, null, null],
      [2, 2, 3],
      [
        [5, 6, 7],
        [4, 5, 8],
        [4, 4, 9],
      ],
    ],
  ])("%s", async (_, sides, strides, sizes) => {
    const input = tf.input({ shape: [...sides, 3], name: "x" });
    const pool = symmetricPooling({ pooling, strides });
    const model = tf.model({ inputs: input, outputs: pool.apply(input) as Symbolic });
    const inputs = sizes.map((size) => tf.randomNormal([2, ...size, 3], 0, 1, "float32", 3));
    await expectSameInOnnx(model, inputs, { layout: "NHWC" });
    await expectSameInOnnx(model, inputs);
  });
});

// The stock layer mixes channels up on the cpu backend, so it is compared with itself between two Permute layers.
test.each([1, 2])("BatchNormalization, axis %i", async (axis) => {
  const dims = [1, 2, 3];
  [dims[axis - 1], dims[2]] = [3, axis];
  const input = tf.input({ shape: MAP, name: "x" });
  const norm = layers.batchNormalization({ axis });
  const model = tf.model({ inputs: input, outputs: norm.apply(input) as Symbolic });
  randomizeWeights(model);
  const { apply } = one(MAP, layers.permute({ dims }), layers.batchNormalization(), layers.permute({ dims }));
  const reference = tf.model({ inputs: input, outputs: apply([input]) });
  reference.setWeights(model.getWeights());
  for (const layout of ["NCHW", "NHWC"] as const) {
    const x = tf.randomNormal([2, ...MAP], 0, 1, "float32", 3);
    await expectSameOutputs(await exportOnnx(model, { layout }), reference, [x], layout);
  }
});
