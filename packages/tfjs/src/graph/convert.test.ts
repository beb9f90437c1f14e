import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { expectClose, expectSameOutputs, noise } from "../../testing/compareModels.ts";
import { gmrConv1dLayer, gmrConv2dLayer, gmrConv2dTransposeLayer, gmrConv3dLayer } from "../layers/index.ts";
import { formatConversion } from "./conversionReport.ts";
import { convertToGmr } from "./convert.ts";
import type { ConvertOptions } from "./convertOptions.ts";
import { foldModel } from "./fold.ts";

type Symbolic = tf.SymbolicTensor;
const L = tf.layers;

beforeAll(() => tf.setBackend("cpu"));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const on = (x: Symbolic | Symbolic[], layer: tf.layers.Layer) => layer.apply(x) as Symbolic;
const pooled = () => L.globalAveragePooling2d({ dataFormat: "channelsLast" });

function chain(inputShape: tf.Shape, ...layers: tf.layers.Layer[]): tf.LayersModel {
  const input = tf.input({ shape: inputShape });
  return tf.model({ inputs: input, outputs: layers.reduce<Symbolic>(on, input) });
}

/** Strides, poolings, a residual block with a strided shortcut, a depthwise convolution. */
function network(side: number, padding: "same" | "valid" = "same"): tf.LayersModel {
  const input = tf.input({ shape: [side, side, 3] });
  const conv = (x: Symbolic, filters: number, kernelSize: number, strides: number, name: string) => {
    const args = {
      filters,
      kernelSize,
      strides,
      name,
      useBias: false,
      padding: name === "stem" ? padding : "same",
    } as const;
    const bn = L.batchNormalization({ name: `${name}_bn` });
    return on(on(on(x, L.conv2d(args)), bn), L.activation({ activation: "relu", name: `${name}_relu` }));
  };
  const stem = conv(input, 4, 5, 2, "stem");
  const shortcut = on(stem, L.conv2d({ filters: 6, kernelSize: 1, strides: 2, padding, name: "shortcut" }));
  const branch = conv(stem, 6, 2, 2, "branch");
  const sum = on([shortcut, branch], L.add({ name: "sum" }));
  const args = { kernelSize: 3, depthMultiplier: 2, activation: "tanh", name: "depthwise" } as const;
  const last = on(sum, L.depthwiseConv2d({ ...args, padding: "same" }));
  const logits = on(on(last, pooled()), L.dense({ units: 5, name: "fc" }));
  return tf.model({ inputs: input, outputs: logits });
}

/** The turns by 90° and mirror images of the spatial axes of x [N, H, W, C]. */
function symmetries(x: tf.Tensor): tf.Tensor[] {
  const swapped = x.transpose([0, 2, 1, 3]);
  return [x, swapped].flatMap((y) => [y, y.reverse(1), y.reverse(2), y.reverse([1, 2])]);
}

function expectInvariant(model: tf.LayersModel, x: tf.Tensor): void {
  const expected = model.predict(x) as tf.Tensor;
  expect(expected.abs().max().dataSync()[0]).toBeGreaterThan(1e-3);
  for (const turned of symmetries(x)) expectClose(model.predict(turned) as tf.Tensor, expected, 1e-4);
}

describe("makes a network invariant", () => {
  it.each([
    ["a side that strides divide", 16, "same"],
    ["an odd side", 15, "same"],
    ["a side whose half is odd", 18, "same"],
    ["valid padding", 17, "valid"],
    ["valid padding, another side", 20, "valid"],
  ] as const)("%s", (_, side, padding) => {
    const { model, report } = convertToGmr(network(side, padding), {
      kernelSize: padding === "same" ? 5 : 3,
    });
    expect(report.map(({ action }) => action)).not.toContain("left");
    expectInvariant(model, noise([2, side, side, 3], 1));
  });

  it("which it was not", () => {
    expect(() => expectInvariant(network(16), noise([2, 16, 16, 3], 1))).toThrow();
  });

  it.each([
    [16, 16],
    [17, 17],
    [18, 20],
    [null, null],
  ])("with Keras' zeros on one side before strides: %j × %j", (height, width) => {
    const input = tf.input({ shape: [height, width, 3] });
    const pad = (x: tf.SymbolicTensor, name: string) => {
      // For an odd side, Keras' networks pad both ends.
      const padding = x.shape.slice(1, 3).map((side) => [(side ?? 0) % 2, 1]);
      return on(x, L.zeroPadding2d({ padding: padding as [[number, number], [number, number]], name }));
    };
    const args = { kernelSize: 3, strides: 2, padding: "valid" } as const;
    const stem = on(pad(input, "pad1"), L.conv2d({ ...args, filters: 4, name: "stem" }));
    const half = pad(stem, "pad2");
    const deep = on(half, L.depthwiseConv2d({ ...args, name: "deep" }));
    const logits = on(
      on(deep, L.globalAveragePooling2d({ dataFormat: "channelsLast" })),
      L.dense({ units: 3 }),
    );
    const original = tf.model({ inputs: input, outputs: logits });
    const { model, report, obstacles } = convertToGmr(original);
    expect(report.map(({ name, action }) => [name, action])).toEqual([
      ["stem", "replaced with average pooling"],
      ["deep", "replaced with average pooling"],
    ]);
    expect(obstacles).toEqual([]);
    expect(model.layers.some((layer) => layer.name === "pad1")).toBe(height === 17);
    const x = noise([2, height ?? 24, width ?? 24, 3], 1);
    if (height === width) expectInvariant(model, x);
    else expectClose(model.predict(x.reverse([1, 2])) as tf.Tensor, model.predict(x) as tf.Tensor, 1e-4);
  });

  it("in 1-D", () => {
    const layers = [2, 3].map((strides) => L.conv1d({ filters: 4, kernelSize: 4, strides, padding: "same" }));
    const { model } = convertToGmr(chain([24, 2], ...layers, L.globalAveragePooling1d()));
    const x = noise([2, 24, 2], 1);
    expectClose(model.predict(x.reverse(1)) as tf.Tensor, model.predict(x) as tf.Tensor, 1e-4);
  });

  it("in 3-D", () => {
    const conv = (strides: number, padding: "same" | "valid") =>
      L.conv3d({ filters: 3, kernelSize: 3, strides, padding });
    const { model } = convertToGmr(chain([9, 9, 9, 1], conv(2, "same"), conv(2, "valid"), L.flatten()));
    const mean = (x: tf.Tensor) => (model.predict(x) as tf.Tensor).reshape([2, -1, 3]).mean(1);
    const x = noise([2, 9, 9, 9, 1], 1);
    for (const axes of [[1], [2, 3]]) expectClose(mean(x.reverse(axes)), mean(x), 1e-4);
    expectClose(mean(x.transpose([0, 3, 1, 2, 4])), mean(x), 1e-4);
  });

  it("transposed: the output turns with the input", () => {
    const conv = (kernelSize: number, strides: number, padding: "same" | "valid") =>
      L.conv2dTranspose({ filters: 2, kernelSize, strides, padding });
    const layers = [conv(3, 2, "same"), conv(2, 2, "valid"), conv(5, 2, "valid"), conv(3, 1, "same")];
    const original = chain([3, 3, 2], ...layers);
    const { model, report } = convertToGmr(original);
    expect(model.outputShape).toEqual(original.outputShape);
    expect(report.map(({ action }) => action)).toEqual([
      "replaced with upsampling",
      "replaced with upsampling",
      "replaced",
      "replaced",
    ]);
    const x = noise([1, 3, 3, 2], 1);
    const turned = symmetries(model.predict(x) as tf.Tensor);
    symmetries(x).forEach((input, i) => {
      expectClose(model.predict(input) as tf.Tensor, turned[i], 1e-4);
    });
  });
});

describe("the converted model", () => {
  it.each(["same", "valid"] as const)("has maps of the same sizes, padding %s", (padding) => {
    for (const side of [16, 17, 19, 23]) {
      for (const strides of [1, 2, 3]) {
        const model = chain([side, side, 2], L.conv2d({ filters: 3, kernelSize: 5, strides, padding }));
        expect(convertToGmr(model).model.outputShape).toEqual(model.outputShape);
      }
    }
  });

  it("keeps names, other weights, options, and leaks nothing", () => {
    const original = network(16);
    const before = tf.memory().numTensors;
    const { model } = convertToGmr(original, { numRings: 2, mixture: false, circular: false });
    expect(tf.memory().numTensors - before).toBe(model.weights.length);
    const names = original.layers.map(({ name }) => name);
    expect(model.layers.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    expect(model.getLayer("depthwise").getConfig()).toMatchObject({
      activation: "tanh",
      groups: 6,
      filters: 12,
      numRings: 2,
      mixture: false,
      circular: false,
    });
    for (const name of ["fc", "shortcut", "stem_bn"]) {
      const first = (of: tf.LayersModel) => of.getLayer(name).getWeights()[0];
      expectClose(first(model), first(original), 0);
    }
    original.dispose();
    expect((model.predict(noise([1, 16, 16, 3], 1)) as tf.Tensor).shape).toEqual([1, 5]);
  });

  it("keeps dilation and regularisers; takes groups that divide the channels", () => {
    const conv = (filters: number, name: string) =>
      L.conv2d({ filters, kernelSize: 3, dilationRate: 2, kernelRegularizer: "l1l2", name });
    const { model } = convertToGmr(chain([9, 9, 4], conv(6, "a"), conv(3, "b")), { groups: 2 });
    const config = (name: string) => model.getLayer(name).getConfig();
    expect(config("a")).toMatchObject({
      dilationRate: [2, 2],
      groups: 2,
      kernelRegularizer: { className: "L1L2" },
    });
    expect(config("b").groups).toBe(1);
  });

  it("keeps shared layers shared, and converts nested models", () => {
    const [a, b] = [tf.input({ shape: [6, 6, 2] }), tf.input({ shape: [6, 6, 2] })];
    const shared = L.conv2d({ filters: 2, kernelSize: 3, padding: "same", strides: 2, name: "shared" });
    const nested = tf.sequential({
      name: "nested",
      layers: [L.conv2d({ filters: 2, kernelSize: 3, inputShape: [3, 3, 2], name: "inside" })],
    });
    const outputs = [on(on(a, shared), nested), on(b, shared)];
    const { model, report } = convertToGmr(tf.model({ inputs: [a, b], outputs }));
    expect(report.map(({ name }) => name)).toEqual(["shared", "inside"]);
    const classes = model.layers.map((layer) => layer.getClassName());
    expect(classes.filter((name) => name === "GmrConv2D")).toHaveLength(1);
    expect((model.getLayer("nested") as tf.LayersModel).layers[1].getClassName()).toBe("GmrConv2D");
  });

  it("has fresh weights that depend on the seed", () => {
    const original = network(8);
    const x = noise([1, 8, 8, 3], 1);
    const logits = (seed: number) => convertToGmr(original, { seed }).model.predict(x) as tf.Tensor;
    expectClose(logits(1), logits(1), 0);
    expect(() => expectClose(logits(1), logits(2), 0.01)).toThrow();
  });
});

describe("projected weights", () => {
  it.each<[string, tf.Shape, () => tf.layers.Layer[], ConvertOptions]>([
    ["2-D", [8, 8, 2], () => [gmrConv2dLayer({ filters: 3, kernelSize: 5, padding: "same" })], {}],
    [
      "larger kernels",
      [8, 8, 2],
      () => [gmrConv2dLayer({ filters: 3, kernelSize: 3, mixture: false, padding: "same" })],
      { mixture: false, numRings: 18, kernelSize: 9 },
    ],
    [
      "without a mixture",
      [8, 8, 2],
      () => [gmrConv2dLayer({ filters: 3, kernelSize: 5 })],
      { mixture: false },
    ],
    ["groups", [8, 8, 4], () => [gmrConv2dLayer({ filters: 6, kernelSize: 5, groups: 2 })], { groups: 2 }],
    ["depthwise", [8, 8, 4], () => [gmrConv2dLayer({ filters: 8, kernelSize: 5, groups: 4 })], {}],
    ["transposed", [4, 4, 2], () => [gmrConv2dTransposeLayer({ filters: 3, kernelSize: 5, strides: 2 })], {}],
    ["1-D", [8, 2], () => [gmrConv1dLayer({ filters: 3, kernelSize: 5, activation: "relu" })], {}],
    ["3-D", [5, 5, 5, 2], () => [gmrConv3dLayer({ filters: 3, kernelSize: 3 })], {}],
  ])("give back what a ring convolution computes: %s", (_, shape, make, options) => {
    const model = chain(shape, ...make());
    for (const w of model.weights) {
      if (w.originalName.endsWith("bias")) w.write(noise(w.shape as number[], 4));
    }
    const { model: back } = convertToGmr(foldModel(model), { weights: "project", ...options });
    expect(back.layers.at(-1)?.getClassName()).toMatch(/^Gmr/);
    expectSameOutputs(back, model, noise([2, ...(shape as number[])], 1), 1e-4);
  });
});

describe("the report", () => {
  const model = () =>
    chain(
      [8, 8, 2],
      L.conv2d({ filters: 4, kernelSize: 4, strides: 2, padding: "same", name: "first" }),
      L.conv2d({ filters: 8, kernelSize: 1, name: "point" }),
      L.separableConv2d({ filters: 4, kernelSize: 3, padding: "same", name: "split" }),
      gmrConv2dLayer({ filters: 4, kernelSize: 3, padding: "same", name: "ring" }),
      L.conv2d({ filters: 4, kernelSize: [3, 1], padding: "same", name: "tall" }),
      L.conv2d({ filters: 4, kernelSize: 1, strides: 2, name: "sampled" }),
      L.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2, padding: "same", name: "up" }),
    );

  it("lists every convolution", () => {
    expect(convertToGmr(model()).report).toMatchObject([
      {
        name: "first",
        className: "Conv2D",
        kernelBefore: [4, 4],
        kernelAfter: [5, 5],
        strides: [2, 2],
        action: "replaced with average pooling",
        parametersBefore: 132,
        parametersAfter: 31,
      },
      { name: "point", action: "left", reason: "kernel 1×1", parametersBefore: 40, parametersAfter: 40 },
      { name: "split", action: "left", reason: "separable" },
      { name: "ring", action: "left", reason: "already a GMR convolution" },
      { name: "tall", action: "left", reason: "kernel 3×1" },
      {
        name: "sampled",
        className: "Conv2D",
        action: "strides replaced with average pooling",
        parametersAfter: 20,
      },
      { name: "up", action: "replaced with upsampling", kernelAfter: [3, 3] },
    ]);
  });

  it("is printed as a table", () => {
    const { report } = convertToGmr(model(), { exclude: ["up"] });
    expect(formatConversion(report).split("\n")).toEqual([
      "layer    class            kernel     strides  parameters  action",
      "first    Conv2D           4×4 → 5×5  2×2      132 → 31    replaced with average pooling",
      "point    Conv2D           1×1        1×1      40          left: kernel 1×1",
      "split    SeparableConv2D  3×3        1×1      108         left: separable",
      "ring     GmrConv2D        3×3        1×1      38          left: already a GMR convolution",
      "tall     Conv2D           3×1        1×1      52          left: kernel 3×1",
      "sampled  Conv2D           1×1        2×2      20          strides replaced with average pooling",
      "up       Conv2DTranspose  3×3        2×2      74          left: not selected",
      "total                                         464 → 363",
    ]);
  });

  it.each<[string, ConvertOptions]>([
    ["names", { include: ["first"] }],
    ["a function", { include: (layer) => layer.name === "first" }],
    ["both ways", { include: ["first", "up"], exclude: (layer) => layer.getClassName() !== "Conv2D" }],
  ])("shows what was chosen by %s", (_, options) => {
    const replaced = convertToGmr(model(), options).report.filter(({ action }) => action !== "left");
    expect(replaced.map(({ name }) => name)).toEqual(["first"]);
  });

  it("names what keeps the model from being invariant", () => {
    const sequence = tf.input({ shape: [2, 8, 8, 2] });
    const frames = on(
      sequence,
      L.timeDistributed({ layer: L.conv2d({ filters: 2, kernelSize: 3, padding: "same" }), name: "frames" }),
    );
    const memory = on(
      frames,
      L.convLstm2d({
        filters: 2,
        kernelSize: 3,
        padding: "same",
        dataFormat: "channelsLast",
        name: "memory",
      }),
    );
    const uneven = on(
      memory,
      L.zeroPadding2d({
        padding: [
          [0, 2],
          [0, 2],
        ],
        name: "uneven",
      }),
    );
    const left = on(uneven, L.conv2d({ filters: 2, kernelSize: [3, 1], padding: "same", name: "tall" }));
    const ring = on(left, L.conv2d({ filters: 2, kernelSize: 3, padding: "same", name: "ring" }));
    const pooled = on(ring, L.maxPooling2d({ poolSize: 3, strides: 2, padding: "same", name: "pool" }));
    const logits = on(on(pooled, L.flatten({ name: "flat" })), L.dense({ units: 2 }));
    const { report, obstacles } = convertToGmr(tf.model({ inputs: sequence, outputs: logits }));
    expect(report.map(({ name, action, reason }) => [name, action, reason])).toEqual([
      ["frames", "left", "Conv2D inside a wrapper"],
      ["memory", "left", "recurrent"],
      ["tall", "left", "kernel 3×1"],
      ["ring", "replaced", undefined],
    ]);
    expect(obstacles.map(({ layer, reason }) => `${layer}: ${reason}`)).toEqual([
      "frames: the Conv2D inside: its 3×3 kernel is dense, not made of rings",
      "memory: its 3×3 kernel is dense, not made of rings",
      "uneven: pads or crops its sides unequally",
      "tall: its 3×1 kernel is dense, not made of rings",
      "flat: treats positions differently",
      "pool: strides 2×2 are asymmetric on maps of 10×10",
    ]);
    expect(formatConversion(report, obstacles).split("\n").at(-1)).toBe(
      "not invariant because of pool (MaxPooling2D): strides 2×2 are asymmetric on maps of 10×10",
    );
  });

  it("says why strided transposed 3-D convolutions are left unchanged", () => {
    const conv = L.conv3dTranspose({ filters: 1, kernelSize: 3, strides: 2, padding: "same" });
    const { report } = convertToGmr(chain([2, 2, 2, 1], conv));
    expect(report[0]).toMatchObject({
      action: "left",
      reason: "strides need upsampling, which stock layers lack in 3-D",
    });
  });
});

describe("rejects", () => {
  it.each<[string, object]>([
    ["kernelSize must be an odd positive integer, got 4", { kernelSize: 4 }],
    ["numRings must be a positive integer, got 0", { numRings: 0 }],
    ["groups must be a positive integer, got 0", { groups: 0 }],
    ["seed must be an integer of at least 0, got -1", { seed: -1 }],
    ['weights must be "fresh" or "project", got "old"', { weights: "old" }],
    ['include must name convolutions of the model, got "conv9"', { include: ["stem", "conv9"] }],
    ['exclude must name convolutions of the model, got "fc"', { exclude: ["fc"] }],
  ])("%s", (message, options) =>
    expectGmrError(() => convertToGmr(network(8), options), "invalid-argument", message),
  );

  it("sizes that no longer fit", () =>
    expectGmrError(
      () => {
        const flat = [L.flatten(), L.dense({ units: 1, name: "fc" })];
        convertToGmr(chain([8, 8, 1], L.conv2d({ filters: 1, kernelSize: 4 }), ...flat));
      },
      "invalid-shape",
      "weight fc/kernel [25,1] does not fit the new inputs of layer fc, which need [16,1]",
    ));
});
