import { useWasm } from "@gmr-conv/backend-wasm";
import { product, Random } from "@gmr-conv/core";
import { DIHEDRAL_GROUP, invarianceError } from "@gmr-conv/core/equivariance";
import type { GmrConv } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { modelCost } from "./cost.ts";
import type { ResNetOptions } from "./resNetOptions.ts";
import { resNet } from "./resnet.ts";

const small = {
  inputShape: [20, 20, 1],
  classes: 4,
  depths: [1, 1],
  widths: [6, 8],
  kernelSizes: [9, 5],
  seed: 3,
} satisfies ResNetOptions;

beforeAll(async () => {
  await useWasm();
});

async function logits(
  model: tf.LayersModel,
  image: Float32Array,
  shape: readonly number[],
): Promise<Float32Array> {
  const y = tf.tidy(() => model.apply(tf.tensor(image, [...shape])) as tf.Tensor);
  const values = Float32Array.from(await y.data());
  y.dispose();
  return values;
}

describe("resNet", () => {
  it("has the parameters of the official networks", () => {
    const full = resNet({ inputShape: [32, 32, 3], classes: 10 });
    const { parameters, nonTrainable } = modelCost(full);
    expect([parameters, nonTrainable]).toEqual([3_996_685, 9_600]); // as in PyTorch; means and variances of norms
    expect(full.countParams()).toBe(parameters + nonTrainable);
    const narrow = resNet({ inputShape: [32, 32, 3], classes: 5, widths: [8, 16, 32, 64] });
    expect(modelCost(narrow).parameters).toBe(63_872);
    full.dispose();
    narrow.dispose();
  });

  const variants: [string, Partial<ResNetOptions> & { inputShape?: number[] }][] = [
    ["even sides", {}],
    ["odd sides", { inputShape: [21, 21, 2] }],
    ["blur pooling, stem pooling, global maximum", { pooling: "blur", stemPool: true, globalPooling: "max" }],
    [
      "a disc as field of view, blurred input, padding",
      { fieldOfView: "disc", inputBlur: 1, inputPadding: 2 },
    ],
    ["a norm before the classifier", { headNorm: true }],
    ["bottlenecks", { block: "bottleneck", stemPool: true }],
    ["dilation instead of stride", { dilateInsteadOfStride: [false, true] }],
    ["three stages", { depths: [1, 2, 1], widths: [4, 6, 8], kernelSizes: [7, 5, 3], strides: [1, 1, 2] }],
  ];
  it.each(variants)(
    "is invariant to every turn by 90° and every mirror image: %s",
    async (_name, options) => {
      const model = resNet({ ...small, ...options });
      const [height, width, channels] = options.inputShape ?? small.inputShape;
      const shape = [2, height, width, channels] as const;
      const random = new Random(7);
      const image = Float32Array.from({ length: 2 * height * width * channels }, () => random.normal());
      const report = await invarianceError((x, s) => logits(model, x as Float32Array, s), image, shape);
      expect(report.errors).toHaveLength(DIHEDRAL_GROUP.length);
      expect(report.worst).toBeLessThan(1e-4);
      model.dispose();
    },
  );

  it("is invariant to the 48 symmetries of the cube, for volumes of even and odd sides", async () => {
    const options = { ...small, kernelSizes: [5, 3], inputBlur: 0.7, stemKernelSize: 3 };
    for (const shape of [
      [1, 8, 8, 8, 2],
      [1, 9, 9, 9, 2],
    ]) {
      const model = resNet({ ...options, inputShape: shape.slice(1) });
      const random = new Random(7);
      const image = Float32Array.from({ length: product(shape) }, () => random.normal());
      const report = await invarianceError((x, s) => logits(model, x as Float32Array, s), image, shape);
      expect(report.errors).toHaveLength(48);
      expect(report.worst).toBeLessThan(1e-4);
      model.dispose();
    }
  });

  it("blurs its input by a Gaussian", async () => {
    const model = resNet({ ...small, inputBlur: 0.7 });
    const { kernel } = (model.getLayer("blur") as GmrConv).foldedConv();
    const [centre, ...outwards] = await kernel.slice([3, 3, 0, 0], [1, 4, 1, 1]).data();
    expect(outwards[0] / centre).toBeCloseTo(Math.exp(-0.5 / 0.7 ** 2), 6);
    expect(outwards[1]).toBeLessThan(outwards[0]);
    expect(outwards[2]).toBeLessThan(outwards[1]);
    expect(outwards[2]).toBeGreaterThan(0);
    expect((await kernel.sum().data())[0]).toBeCloseTo(1, 6);
    kernel.dispose();
    model.dispose();
  });

  it("leaves no tensors behind, with or without blurred input", () => {
    for (const options of [
      {},
      { inputBlur: 0.7, headNorm: true },
      { pooling: "blur", fieldOfView: "disc" } as const,
    ]) {
      const { numTensors } = tf.memory();
      const model = resNet({ ...small, ...options });
      tf.tidy(() => void model.predict(tf.zeros([1, ...small.inputShape])));
      model.dispose();
      expect(tf.memory().numTensors, JSON.stringify(options)).toBe(numTensors);
    }
  });

  it("takes images of any size", async () => {
    const model = resNet({ ...small, inputShape: [null, null, 1] });
    for (const size of [16, 20]) {
      const image = new Float32Array(size * size).fill(0.5);
      expect(await logits(model, image, [1, size, size, 1])).toHaveLength(4);
    }
    model.dispose();
  });

  it("drops the last row of odd sides as in the official networks, if asked", () => {
    const shapeOf = (oddSides: "symmetric" | "floor") => {
      const model = resNet({ ...small, inputShape: [21, 21, 1], oddSides });
      const { shape } = model.getLayer("layer2.0.add_relu").output as tf.SymbolicTensor;
      model.dispose();
      return shape;
    };
    expect(shapeOf("symmetric")).toEqual([null, 11, 11, 8]);
    expect(shapeOf("floor")).toEqual([null, 10, 10, 8]);
  });

  it("is not invariant as a dense twin", async () => {
    const model = resNet({ ...small, kind: "dense", kernelSizes: undefined });
    const random = new Random(7);
    const image = Float32Array.from({ length: 400 }, () => random.normal());
    const report = await invarianceError(
      (x, s) => logits(model, x as Float32Array, s),
      image,
      [1, 20, 20, 1],
    );
    expect(report.worst).toBeGreaterThan(0.01);
    model.dispose();
  });

  it.each(["gmr", "dense"] as const)("starts with the same weights from the same seed: %s", async (kind) => {
    const image = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i));
    const outputs: Float32Array[] = [];
    for (const seed of [5, 5, 6]) {
      const model = resNet({ ...small, kind, kernelSizes: undefined, seed });
      outputs.push(await logits(model, image, [1, 20, 20, 1]));
      model.dispose();
    }
    expect(outputs[0]).toEqual(outputs[1]);
    expect(outputs[0]).not.toEqual(outputs[2]);
  });

  it("is saved and loaded with the same outputs", async () => {
    const model = resNet({ ...small, fieldOfView: "disc", inputBlur: 0.8, headNorm: true });
    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } };
      }),
    );
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved as tf.io.ModelArtifacts));
    const image = Float32Array.from({ length: 400 }, (_, i) => Math.cos(i));
    expect(await logits(loaded, image, [1, 20, 20, 1])).toEqual(await logits(model, image, [1, 20, 20, 1]));
    model.dispose();
    loaded.dispose();
  });

  it("names its layers like the official networks", () => {
    const names = resNet(small).layers.map((layer) => layer.name);
    expect(names).toEqual(
      expect.arrayContaining(["conv1", "bn1", "layer1.0.conv1", "layer2.0.downsample.1", "fc"]),
    );
  });

  it("trains: the loss falls, and no tensor is left behind", async () => {
    const model = resNet(small);
    const random = new Random(1);
    const x = tf.tensor(
      Float32Array.from({ length: 8 * 400 }, () => random.normal()),
      [8, 20, 20, 1],
    );
    const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 3, 0, 1, 2, 3], "int32"), 4);
    const optimizer = tf.train.adam(0.01);
    const step = (): number => {
      const loss = optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(labels, model.apply(x, { training: true }) as tf.Tensor),
        true,
      );
      const value = loss?.dataSync()[0] ?? Number.NaN;
      loss?.dispose();
      return value;
    };
    const first = step();
    const tensors = tf.memory().numTensors;
    let last = first;
    for (let i = 0; i < 25; i++) last = step();
    expect(tf.memory().numTensors).toBe(tensors);
    expect(last).toBeLessThan(first / 2);
    model.dispose();
  });
});
