import { foldModel } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { DiscFieldOfView } from "./fieldOfView.ts";
import type { ResNetOptions } from "./resNetOptions.ts";
import { resNet } from "./resnet.ts";

const small = {
  inputShape: [20, 20, 2],
  classes: 4,
  depths: [1, 1],
  widths: [6, 8],
  kernelSizes: [9, 5],
  seed: 3,
} satisfies ResNetOptions;

beforeAll(() => tf.setBackend("cpu"));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** Gives norms statistics and factors other than the initial ones. */
function trained(model: tf.LayersModel): tf.LayersModel {
  tf.tidy(() => {
    for (const weight of model.weights) {
      if (weight.shape.length !== 1) continue;
      const noise = tf.randomUniform(weight.shape as number[], 0.1, 0.6, "float32", weight.shape[0] ?? 0);
      weight.write(weight.read().add(noise) as tf.Tensor);
    }
  });
  return model;
}

function difference(a: tf.LayersModel, b: tf.LayersModel, shape: readonly number[]): number {
  return tf.tidy(() => {
    const x = tf.randomNormal([2, ...shape], 0, 1, "float32", 5);
    const [y, z] = [a, b].map((model) => model.predict(x) as tf.Tensor);
    return y.sub(z).abs().max().dataSync()[0] / y.abs().max().dataSync()[0];
  });
}

const classes = (model: tf.LayersModel) => new Set(model.layers.map((layer) => layer.getClassName()));

describe("a residual network as a stock model", () => {
  const variants: [string, Partial<ResNetOptions> & { inputShape?: number[] }][] = [
    ["plain", {}],
    [
      "with everything",
      { fieldOfView: "disc", inputBlur: 0.8, inputPadding: 1, pooling: "blur", headNorm: true },
    ],
    ["with odd sides and stem pooling", { inputShape: [21, 21, 2], stemPool: true, globalPooling: "max" }],
    ["bottlenecks", { block: "bottleneck" }],
    ["for volumes", { inputShape: [9, 8, 8, 1], kernelSizes: [3, 3], stemKernelSize: 3 }],
    ["the dense twin", { kind: "dense", kernelSizes: undefined, fieldOfView: "disc" }],
  ];
  it.each(variants)("computes the same: %s", (_, options) => {
    const model = trained(resNet({ ...small, ...options }));
    const folded = foldModel(model);
    const inputShape = options.inputShape ?? small.inputShape;
    expect(difference(model, folded, inputShape)).toBeLessThan(1e-5);
    const kept = foldModel(model, { rings: "keep" });
    expect(difference(model, kept, inputShape)).toBeLessThan(1e-5);
    const expected = new Set(
      `InputLayer ZeroPadding2D Conv2D DepthwiseConv2D Add Activation AveragePooling2D Permute Reshape
      BatchNormalization AveragePooling3D GlobalAveragePooling1D Conv3D GlobalAveragePooling2D
      GlobalMaxPooling2D Dense`.split(/\s+/),
    );
    for (const name of classes(folded)) expect(expected).toContain(name);
    const ring = inputShape.length === 4 ? "GmrConv3D" : "GmrConv2D";
    if (options.kind !== "dense") expect(classes(kept)).toContain(ring);
  });

  it("keeps no normalisation but the masks and the one before the classifier", () => {
    const folded = foldModel(resNet({ ...small, fieldOfView: "disc", headNorm: true }));
    const norms = folded.layers.filter((layer) => layer.getClassName() === "BatchNormalization");
    expect(norms.map(({ name }) => name).filter((name) => !name.endsWith(".view"))).toEqual(["head_norm"]);
  });
});

describe("a disc as field of view", () => {
  const masked = (shape: tf.Shape) => {
    const layer = new DiscFieldOfView({ name: "view" });
    const [a, b] = [tf.input({ shape }), tf.input({ shape })];
    const outputs = [a, b].map((x) => layer.apply(x) as tf.SymbolicTensor);
    return tf.model({ inputs: [a, b], outputs });
  };

  it("is exact in stock layers, also when shared", () => {
    const model = masked([7, 6, 3]);
    const x = [tf.randomNormal([2, 7, 6, 3]), tf.randomNormal([2, 7, 6, 3])];
    const [expected, actual] = [model, foldModel(model)].map((each) => each.predict(x) as tf.Tensor[]);
    actual.forEach((y, i) => {
      expect(y.sub(expected[i]).abs().max().dataSync()[0]).toBeLessThan(1e-6);
    });
  });

  it("needs known sizes to become stock layers", () =>
    expectGmrError(
      () => foldModel(masked([null, 6, 3])),
      "unsupported",
      "layer view needs inputs of known size to become stock layers, got [null, null, 6, 3]",
    ));
});
