import {
  addThenRelu,
  fusedBatchNormalization,
  gmrConv2dLayer,
  gmrConv2dTransposeLayer,
  instanceNormalization,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import {
  endsOf,
  expectSameInOnnx,
  expectSameOutputs,
  metadataOf,
  nodeTypes,
  randomizeWeights,
  runOnnx,
  weightNames,
} from "../../testing/onnx.ts";
import { exportOnnx } from "./index.ts";

type Symbolic = tf.SymbolicTensor;

beforeEach(() => {
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
});

const { layers } = tf;
const apply = (layer: tf.layers.Layer, x: Symbolic | Symbolic[]): Symbolic => layer.apply(x) as Symbolic;
const images = (...shape: number[]) => tf.randomNormal(shape, 0, 1, "float32", 5);
const globalPool = () => layers.globalAveragePooling2d({ dataFormat: "channelsLast" });

/** A small residual network of GMR convolutions. */
function residualNetwork(size: number | null): tf.LayersModel {
  const input = tf.input({ shape: [size, size, 3], name: "images" });
  const conv = (filters: number) =>
    gmrConv2dLayer({ filters, kernelSize: 5, padding: "same", padMode: "reflect", useBias: false });
  let x = apply(fusedBatchNormalization({ relu: true }), apply(conv(8), input));
  const pooled = apply(layers.averagePooling2d({ poolSize: 3, strides: 2, padding: "same" }), x);
  let y = apply(fusedBatchNormalization({ relu: true }), apply(conv(6), pooled));
  y = apply(fusedBatchNormalization(), apply(conv(6), y));
  const shortcut = layers.conv2d({ filters: 6, kernelSize: 1, strides: 1, padding: "same", useBias: false });
  x = apply(addThenRelu(), [y, apply(layers.batchNormalization(), apply(shortcut, pooled))]);
  const logits = apply(layers.dense({ units: 5, name: "logits" }), apply(globalPool(), x));
  const model = tf.model({ inputs: input, outputs: logits });
  randomizeWeights(model);
  return model;
}

describe("a residual network", () => {
  it("is the same in both layouts, for batches of any size", async () => {
    const model = residualNetwork(13);
    const batches = [images(1, 13, 13, 3), images(3, 13, 13, 3)];
    await expectSameInOnnx(model, batches);
    await expectSameInOnnx(model, batches, { layout: "NHWC" });
    await expectSameInOnnx(model, batches, { mergeBatchNorm: false });
  });

  it("takes images of any size if the model does", async () => {
    const sizes = [images(1, 9, 12, 3), images(2, 16, 7, 3)];
    await expectSameInOnnx(residualNetwork(null), sizes);
  });

  it("has no unnecessary nodes", async () => {
    const model = residualNetwork(13);
    const merged = nodeTypes(await exportOnnx(model));
    const body = ["Conv", "Relu", "AveragePool", "Pad", "Conv", "Relu", "Pad", "Conv", "Conv", "Add", "Relu"];
    expect(merged).toEqual(["Pad", ...body, "ReduceMean", "Gemm"]);
    const unmerged = nodeTypes(await exportOnnx(model, { mergeBatchNorm: false }));
    expect(unmerged.filter((type) => type === "BatchNormalization").length).toBe(4);
    const lasting = nodeTypes(await exportOnnx(model, { layout: "NHWC" }));
    expect(lasting).toEqual(["Transpose", ...merged]);
  });
});

describe("sizes that are not known", () => {
  it("stay open through strides, pooling and resizing", async () => {
    const input = tf.input({ shape: [null, null, 2], name: "x" });
    const chain = [
      layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: "same" }),
      gmrConv2dLayer({ filters: 4, kernelSize: 3, strides: 2, padding: "same" }),
      layers.upSampling2d({ size: [2, 3], interpolation: "bilinear" }),
      gmrConv2dLayer({ filters: 3, kernelSize: 5, padding: 2, padMode: "circular" }),
      gmrConv2dTransposeLayer({ filters: 4, kernelSize: 3, strides: 2, padding: 1, outputPadding: 1 }),
      layers.maxPooling2d({ poolSize: 3, strides: 2, padding: "same" }),
      layers.cropping2D({ cropping: 1 }),
      layers.reshape({ targetShape: [-1, 4] }),
      layers.dense({ units: 3 }),
    ];
    const model = tf.model({ inputs: input, outputs: chain.reduce((x, layer) => apply(layer, x), input) });
    randomizeWeights(model);
    for (const layout of ["NCHW", "NHWC"] as const) {
      await expectSameInOnnx(model, [images(1, 13, 14, 2), images(2, 10, 17, 2)], { layout });
    }
  });

  it("are named in the file", async () => {
    const input = tf.input({ shape: [null, 8, 3], name: "x" });
    const conv = layers.conv2d({ filters: 4, kernelSize: 3, name: "y" });
    const model = tf.model({ inputs: input, outputs: apply(conv, input) });
    const first = await exportOnnx(model);
    expect(endsOf(first, "inputs")).toEqual({ x: ["N", 3, "H", 8] });
    expect(endsOf(first, "outputs")).toEqual({ y: ["N", 4, "y_H", 6] });
    const last = await exportOnnx(model, { layout: "NHWC" });
    expect(endsOf(last, "inputs")).toEqual({ x: ["N", "H", 8, 3] });
    expect(endsOf(last, "outputs")).toEqual({ y: ["N", "y_H", 6, 4] });
  });

  it("are rejected if padding depends on them in a way that no node supports", async () => {
    const layer = gmrConv2dLayer({
      name: "stem",
      filters: 4,
      kernelSize: 3,
      strides: 2,
      padding: "same",
      padMode: "reflect",
      inputShape: [null, null, 2],
    });
    await expectGmrError(
      () => exportOnnx(tf.sequential({ layers: [layer] })),
      "unsupported",
      "layer stem needs inputs of known size for its padding, got spatial sizes [null, null]",
    );
  });
});

describe("batch normalisation", () => {
  const norm = () => layers.batchNormalization();
  const conv = (activation: "linear" | "relu" = "linear") =>
    layers.conv2d({ filters: 4, kernelSize: 3, padding: "same", activation });

  it.each([
    ["a dense layer", [layers.dense({ units: 4 }), norm()], 0],
    ["a depthwise convolution", [layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }), norm()], 0],
    ["a separable convolution", [layers.separableConv2d({ filters: 4, kernelSize: 3 }), norm()], 0],
    ["a transposed convolution", [layers.conv2dTranspose({ filters: 4, kernelSize: 3 }), norm()], 0],
    ["two in a row", [conv(), norm(), norm()], 1],
    ["a convolution with an activation", [conv("relu"), norm()], 1],
    ["pooling", [conv(), layers.maxPooling2d({ poolSize: 2 }), norm()], 1],
  ] as const)("after %s", async (_, chain, left) => {
    const input = tf.input({ shape: [6, 7, 3], name: "x" });
    const model = tf.model({ inputs: input, outputs: chain.reduce((x: Symbolic, l) => apply(l, x), input) });
    randomizeWeights(model);
    await expectSameInOnnx(model, [images(2, 6, 7, 3)]);
    const types = nodeTypes(await exportOnnx(model));
    expect(types.filter((type) => type === "BatchNormalization").length).toBe(left);
  });

  it("goes into channels that come first", async () => {
    const first = layers.conv2d({ filters: 4, kernelSize: 3, dataFormat: "channelsFirst" });
    const input = tf.input({ shape: [3, 6, 7], name: "x" });
    const y = apply(layers.batchNormalization({ axis: 1 }), apply(first, input));
    const model = tf.model({ inputs: input, outputs: y });
    expect(nodeTypes(await exportOnnx(model))).toEqual(["Conv"]);
    expect(endsOf(await exportOnnx(model), "inputs")).toEqual({ x: ["N", 3, 6, 7] });
  });

  it("stays separate if the convolution has other uses", async () => {
    const input = tf.input({ shape: [6, 7, 3], name: "x" });
    const [twice, forked, output] = [conv(), conv(), conv()];
    const shared = layers.batchNormalization();
    const a = apply(shared, apply(twice, input));
    const b = apply(twice, input);
    const fork = apply(forked, input);
    const c = apply(shared, fork);
    const d = apply(output, input);
    const sum = apply(layers.add(), [a, b, c, fork, apply(norm(), d)]);
    const model = tf.model({ inputs: input, outputs: [sum, d] });
    randomizeWeights(model);
    await expectSameInOnnx(model, [images(2, 6, 7, 3)]);
    const types = nodeTypes(await exportOnnx(model));
    expect(types.filter((type) => type === "BatchNormalization").length).toBe(3);
  });
});

describe("graphs", () => {
  it("may contain models, shared and used several times", async () => {
    const inner = tf.sequential({
      name: "inner",
      layers: [
        gmrConv2dLayer({
          name: "conv",
          filters: 3,
          kernelSize: 3,
          padding: "same",
          inputShape: [null, null, 3],
        }),
        layers.batchNormalization({ name: "norm" }),
      ],
    });
    const input = tf.input({ shape: [6, 7, 3], name: "images" });
    const middle = tf.model({
      name: "middle",
      inputs: input,
      outputs: apply(layers.add(), [apply(inner, input), input]),
    });
    const other = tf.input({ shape: [6, 7, 3], name: "others" });
    const sum = apply(layers.concatenate(), [apply(middle, other), apply(middle, apply(inner, other))]);
    const model = tf.model({ inputs: other, outputs: sum });
    randomizeWeights(model);
    await expectSameInOnnx(model, [images(1, 6, 7, 3), images(3, 6, 7, 3)]);
    const file = await exportOnnx(model);
    expect(nodeTypes(file)).toEqual(["Conv", "Add", "Conv", "Conv", "Add", "Concat"]);
    expect(weightNames(file)).toEqual(["conv/kernel", "conv/bias"]);
  });

  it("may start with a model", async () => {
    const first = tf.sequential({
      layers: [layers.conv2d({ filters: 3, kernelSize: 3, inputShape: [6, 7, 3] }), layers.reLU()],
    });
    const model = tf.sequential({ layers: [first, layers.flatten(), layers.dense({ units: 2 })] });
    randomizeWeights(model);
    await expectSameInOnnx(model, [images(2, 6, 7, 3)]);
  });

  it("may have layers with the same name", async () => {
    const inner = tf.sequential({ layers: [layers.dense({ name: "fc", units: 4, inputShape: [3] })] });
    const input = tf.input({ shape: [3], name: "x" });
    const outer = layers.dense({ name: "fc", units: 2 });
    const model = tf.model({ inputs: input, outputs: apply(outer, apply(inner, input)) });
    randomizeWeights(model);
    await expectSameInOnnx(model, [images(2, 3)]);
    const names = weightNames(await exportOnnx(model));
    expect(names).toEqual(["fc/kernel", "fc/bias", "fc/kernel_1", "fc/bias_1"]);
  });

  it("may have several inputs and outputs", async () => {
    const [a, b] = ["a", "b"].map((name) => tf.input({ shape: [4, 5, 3], name }));
    const sum = apply(layers.add({ name: "sum" }), [a, b]);
    const vector = apply(layers.globalMaxPooling2d({ name: "vector", dataFormat: "channelsLast" }), sum);
    const unused = tf.input({ shape: [2], name: "unused" });
    const model = tf.model({ inputs: [b, unused, a], outputs: [vector, sum] });
    await expectSameInOnnx(model, [[images(2, 4, 5, 3), images(2, 2), images(2, 4, 5, 3).abs()]]);
    const file = await exportOnnx(model, { layout: "NHWC" });
    expect(Object.keys(endsOf(file, "inputs"))).toEqual(["b", "unused", "a"]);
    expect(endsOf(file, "outputs")).toEqual({ vector: ["N", 3], sum: ["N", 4, 5, 3] });
  });

  // `predict` cannot compute it.
  it("may have an input as output", async () => {
    const input = tf.input({ shape: [4, 5, 3], name: "x" });
    const model = tf.model({ inputs: input, outputs: [apply(layers.reLU({ name: "y" }), input), input] });
    const x = images(2, 3, 4, 5);
    const { y, x_1 } = await runOnnx(await exportOnnx(model), { x });
    expect([y.arraySync(), x_1.arraySync()]).toEqual([x.relu().arraySync(), x.arraySync()]);
  });

  it("may take one tensor in several orders", async () => {
    const input = tf.input({ shape: [4, 5, 3], name: "x" });
    const x = apply(layers.reLU(), input);
    const rows = apply(layers.reshape({ targetShape: [20, 3] }), x);
    const turned = apply(layers.permute({ dims: [3, 1, 2] }), x);
    const maps = apply(layers.conv2d({ filters: 2, kernelSize: 2 }), turned);
    const back = apply(layers.permute({ dims: [2, 3, 1] }), turned);
    const model = tf.model({ inputs: input, outputs: [rows, maps, apply(layers.flatten(), back)] });
    await expectSameInOnnx(model, [images(2, 4, 5, 3)]);
    await expectSameInOnnx(model, [images(2, 4, 5, 3)], { layout: "NHWC" });
  });

  it("may have integers as inputs, and a batch of fixed size", async () => {
    const input = tf.input({ batchShape: [2, 4, 5, 3], dtype: "int32", name: "bytes" });
    const model = tf.model({ inputs: input, outputs: apply(layers.rescaling({ scale: 1 / 255 }), input) });
    await expectSameInOnnx(model, [tf.randomUniform([2, 4, 5, 3], 0, 256, "int32", 3)]);
    expect(endsOf(await exportOnnx(model), "inputs")).toEqual({ bytes: [2, 3, 4, 5] });
  });
});

describe("layers that are not stock ones", () => {
  /** x → -x */
  class Negative extends tf.layers.Layer {
    static readonly className: string = "Negative";
    override call(x: tf.Tensor | tf.Tensor[]): tf.Tensor {
      return [x].flat()[0].neg();
    }
  }
  class FoldableNegative extends Negative {
    static override readonly className = "FoldableNegative";
    foldToStock([x]: Symbolic[], name: (wanted?: string) => string): Symbolic {
      return apply(layers.rescaling({ name: name(), scale: -1 }), x);
    }
  }

  it("of this project", async () => {
    const input = tf.input({ shape: [6, 7, 3], name: "x" });
    const y = apply(instanceNormalization(), apply(fusedBatchNormalization({ relu: true }), input));
    const model = tf.model({ inputs: input, outputs: apply(addThenRelu(), [y, input]) });
    randomizeWeights(model);
    for (const layout of ["NCHW", "NHWC"] as const) {
      await expectSameInOnnx(model, [images(2, 6, 7, 3)], { layout });
    }
  });

  it("that fold to stock ones", async () => {
    const conv = gmrConv2dLayer({
      filters: 4,
      kernelSize: 3,
      padMode: "replicate",
      padding: 1,
      inputShape: [6, 7, 3],
    });
    const model = tf.sequential({ layers: [conv, layers.batchNormalization(), new FoldableNegative()] });
    randomizeWeights(model);
    await expectSameInOnnx(model, [images(2, 6, 7, 3)]);
    expect(nodeTypes(await exportOnnx(model))).toEqual(["Pad", "Conv", "Mul", "Add"]);
  });

  it("are rejected otherwise", async () => {
    const model = tf.sequential({
      layers: [layers.reLU({ inputShape: [3] }), new Negative({ name: "odd" })],
    });
    await expectGmrError(
      () => exportOnnx(model),
      "unsupported",
      "layer odd of class Negative cannot be written in ONNX",
    );
  });
});

describe("errors", () => {
  const model = () => tf.sequential({ layers: [layers.dense({ units: 2, inputShape: [3] })] });

  it("names stock layers that cannot be written", async () => {
    const lstm = tf.sequential({ layers: [layers.lstm({ name: "memory", units: 2, inputShape: [4, 3] })] });
    await expectGmrError(
      () => exportOnnx(lstm),
      "unsupported",
      "layer memory of class LSTM cannot be written in ONNX",
    );
  });

  it("names weights that only produce NaN", async () => {
    const conv = layers.conv2d({ name: "conv", filters: 2, kernelSize: 1, inputShape: [2, 2, 1] });
    const norm = layers.batchNormalization({ name: "norm" });
    const model = tf.sequential({ layers: [conv, norm] });
    const refused = (mergeBatchNorm: boolean, message: string) =>
      expectGmrError(() => exportOnnx(model, { mergeBatchNorm }), "invalid-data", message);
    const [gamma, beta, mean, variance] = norm.getWeights();
    norm.setWeights([gamma, beta, mean, tf.tensor1d([1, -0.5])]);
    await refused(false, "weight norm/variance[1] is -0.5, expected at least -0.001");
    await refused(true, "weight conv/kernel[1] is NaN, expected a finite number");
    norm.setWeights([gamma, beta, mean, variance]);
    conv.setWeights([tf.tensor4d([1, Number.NaN], [1, 1, 1, 2]), tf.zeros([2])]);
    await refused(false, "weight conv/kernel[1] is NaN, expected a finite number");
  });

  it("names layers that TensorFlow.js itself does not support", async () => {
    const options = { name: "odd", filters: 2, kernelSize: 1, dataFormat: "channelsFirst" } as const;
    const conv = tf.sequential({ layers: [layers.conv1d({ ...options, inputShape: [3, 4] })] });
    await expectGmrError(
      () => exportOnnx(conv),
      "unsupported",
      "layer odd of class Conv1D has channels first, which TensorFlow.js does not support",
    );
    const dot = layers.dot({ name: "odd", axes: [0, 0] });
    const inputs = [tf.input({ batchShape: [3, 4] }), tf.input({ batchShape: [3, 4] })];
    await expectGmrError(
      () => exportOnnx(tf.model({ inputs, outputs: apply(dot, inputs) })),
      "unsupported",
      "layer odd of class Dot sums over the batch, which cannot be written in ONNX",
    );
  });

  it("rejects unknown options", async () => {
    await expectGmrError(
      () => exportOnnx(model(), { layout: "CHWN" as "NCHW" }),
      "invalid-argument",
      'layout must be "NCHW" or "NHWC", got "CHWN"',
    );
    await expectGmrError(
      () => exportOnnx(model(), { metadata: { epochs: 3 as unknown as string } }),
      "invalid-argument",
      "metadata epochs must be a string, got 3",
    );
  });

  it("rejects models without inputs and outputs, and inputs of other types", async () => {
    const empty = tf.sequential({ name: "empty" });
    await expectGmrError(
      () => exportOnnx(empty),
      "invalid-argument",
      "model empty must be built before it is exported",
    );
    const input = tf.input({ shape: [2], dtype: "bool", name: "flags" });
    await expectGmrError(
      () => exportOnnx(tf.model({ inputs: input, outputs: apply(layers.reLU(), input) })),
      "unsupported",
      "input flags has type bool, expected float32 or int32",
    );
  });

  it("leaves no tensors behind", async () => {
    const foldable = residualNetwork(13);
    const before = tf.memory().numTensors;
    await exportOnnx(foldable);
    const lstm = tf.sequential({ layers: [layers.lstm({ units: 2, inputShape: [4, 3] })] });
    const own = tf.memory().numTensors;
    await exportOnnx(lstm).catch(() => undefined);
    expect(tf.memory().numTensors).toBe(own);
    lstm.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

it("puts the name and the metadata into the file", async () => {
  const model = tf.sequential({ layers: [layers.dense({ units: 2, inputShape: [3] })] });
  const file = await exportOnnx(model, { name: "digits", metadata: { classes: "ten", μ: "0.13" } });
  expect(metadataOf(file)).toEqual({ classes: "ten", μ: "0.13" });
  await expectSameOutputs(file, model, [images(2, 3)], "NCHW");
  expect(new TextDecoder().decode(file)).toContain("digits");
});
