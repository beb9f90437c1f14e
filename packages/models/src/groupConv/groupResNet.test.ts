import { useWasm } from "@gmr-conv/backend-wasm";
import { product, Random } from "@gmr-conv/core";
import { DIHEDRAL_GROUP, invarianceError } from "@gmr-conv/core/equivariance";
import { foldModel } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { modelCost } from "../cost.ts";
import { resNet } from "../resnet.ts";
import { type GroupResNetOptions, groupResNet } from "./groupResNet.ts";
import { groupElements, type PlaneGroup } from "./groups.ts";

const small = {
  inputShape: [16, 16, 2],
  classes: 4,
  depths: [1, 1],
  widths: [3, 4],
  seed: 3,
} satisfies GroupResNetOptions;

const GROUPS: PlaneGroup[] = ["p4", "p4m"];

beforeAll(async () => {
  await useWasm();
});

const normal = (length: number, seed = 7): Float32Array => {
  const random = new Random(seed);
  return Float32Array.from({ length }, () => random.normal());
};

async function logits(model: tf.LayersModel, image: Float32Array, shape: readonly number[]) {
  const y = tf.tidy(() => model.apply(tf.tensor(image, [...shape])) as tf.Tensor);
  const values = Float32Array.from(await y.data());
  y.dispose();
  return values;
}

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

function invariance(model: tf.LayersModel, inputShape: readonly number[]) {
  const shape = [2, ...inputShape] as const;
  const image = normal(product(shape));
  return invarianceError((x, s) => logits(model, x as Float32Array, s), image, shape);
}

const variants: [string, Partial<GroupResNetOptions> & { inputShape?: number[] }][] = [
  ["even sides", {}],
  ["odd sides, larger kernels", { inputShape: [15, 15, 2], kernelSizes: [5, 3], stemKernelSize: 5 }],
  ["blur pooling, stem pooling, maxima", { pooling: "blur", stemPool: true, globalPooling: "max" }],
  ["a maximum over the group, a norm at the end", { groupPooling: "max", headNorm: true }],
  ["a disc as field of view, blur, padding", { fieldOfView: "disc", inputBlur: 0.7, inputPadding: 1 }],
];

describe.each(GROUPS)("groupResNet, %s", (group) => {
  it.each(variants)("is invariant to its group only: %s", async (_, options) => {
    const model = trained(groupResNet({ ...small, ...options, group }));
    const inputShape = options.inputShape ?? small.inputShape;
    const [size] = inputShape;
    const different = await logits(model, normal(4 * size * size), [2, ...inputShape]);
    expect(Math.abs(different[0] - different[4])).toBeGreaterThan(5e-4);
    const { errors } = await invariance(model, inputShape);
    const names = groupElements(group).map(({ name }) => name);
    expect(errors).toHaveLength(DIHEDRAL_GROUP.length);
    for (const { element, error } of errors) {
      if (names.includes(element)) expect(error).toBeLessThan(1e-5);
      else expect(error).toBeGreaterThan(1e-3);
    }
    model.dispose();
  });

  it.each(variants)("becomes a stock model that computes the same: %s", async (_, options) => {
    const model = trained(groupResNet({ ...small, ...options, group }));
    const before = tf.memory().numTensors;
    const folded = foldModel(model);
    expect(tf.memory().numTensors).toBe(before + folded.weights.length);
    expect(folded.layers.some((layer) => layer.getClassName().startsWith("Group"))).toBe(false);
    const shape = [2, ...(options.inputShape ?? small.inputShape)];
    const image = normal(product(shape));
    const [expected, actual] = [await logits(model, image, shape), await logits(folded, image, shape)];
    const scale = Math.max(...expected.map(Math.abs));
    actual.forEach((value, i) => {
      expect(Math.abs(value - expected[i]) / scale).toBeLessThan(1e-5);
    });
    model.dispose();
    folded.dispose();
  });

  it("has about as many parameters as its dense twin", () => {
    const size = { inputShape: [32, 32, 3], classes: 10 };
    const [model, twin] = [groupResNet({ ...size, group }), resNet({ ...size, kind: "dense" })];
    const ratio = modelCost(model).parameters / modelCost(twin).parameters;
    expect(ratio).toBeGreaterThan(0.98);
    expect(ratio).toBeLessThan(1.02);
    model.dispose();
    twin.dispose();
  });

  it("trains: the loss falls, and no tensor is left behind", () => {
    const before = tf.memory().numTensors;
    const model = groupResNet({ ...small, group });
    const x = tf.tensor(normal(8 * 512), [8, 16, 16, 2]);
    const labels = tf.tidy(() => tf.oneHot(tf.tensor1d([0, 1, 2, 3, 0, 1, 2, 3], "int32"), 4));
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
    tf.dispose([x, labels]);
    model.dispose();
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("groupResNet", () => {
  it("counts the weights of every layer", () => {
    const model = groupResNet({ ...small, group: "p4m" });
    const convolutions = 9 * 2 * 3 + 2 * 9 * 24 * 3 + (9 * 24 * 4 + 9 * 32 * 4) + 24 * 4;
    const norms = 2 * (3 + 3 + 3 + 4 + 4 + 4);
    expect(modelCost(model).parameters).toBe(convolutions + norms + (4 * 4 + 4));
    model.dispose();
  });

  it("names its layers like the ResNet", () => {
    const names = (model: tf.LayersModel) => {
      const all = model.layers.map(({ name }) => name);
      model.dispose();
      return all;
    };
    const twin = names(resNet({ ...small, kind: "dense" }));
    expect(names(groupResNet(small)).filter((name) => name !== "group_pool")).toEqual(twin);
  });

  it("has the symmetries of a GMR network by default, and takes images of any size", async () => {
    const model = groupResNet({ ...small, inputShape: [null, null, 2] });
    expect(model.name).toBe("p4m-resnet");
    const { errors, worst } = await invariance(model, [12, 16, 2]);
    expect(errors).toHaveLength(8);
    expect(worst).toBeLessThan(1e-4);
    model.dispose();
  });

  it("starts residual branches at zero, if asked", () => {
    const model = groupResNet({ ...small, zeroInitResidual: true });
    const gamma = (name: string) => model.getLayer(name).getWeights()[0].dataSync();
    expect(gamma("layer1.0.bn2").every((value) => value === 0)).toBe(true);
    expect(gamma("layer1.0.bn1").every((value) => value === 1)).toBe(true);
    model.dispose();
  });

  it("starts with the same weights from the same seed", async () => {
    const image = normal(512);
    const outputs: Float32Array[] = [];
    for (const seed of [5, 5, 6]) {
      const model = groupResNet({ ...small, seed });
      outputs.push(await logits(model, image, [1, 16, 16, 2]));
      model.dispose();
    }
    expect(outputs[0]).toEqual(outputs[1]);
    expect(outputs[0]).not.toEqual(outputs[2]);
  });

  it("is saved and loaded with the same outputs", async () => {
    const model = trained(groupResNet({ ...small, fieldOfView: "disc", headNorm: true }));
    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } };
      }),
    );
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved as tf.io.ModelArtifacts));
    const image = normal(512);
    expect(await logits(loaded, image, [1, 16, 16, 2])).toEqual(await logits(model, image, [1, 16, 16, 2]));
    model.dispose();
    loaded.dispose();
  });

  const errors: [string, string, Partial<GroupResNetOptions>][] = [
    ["invalid-argument", 'group must be "p4" or "p4m", got "p8"', { group: "p8" as never }],
    ["invalid-argument", "kernelSizes[1] must be odd, got 4", { kernelSizes: [3, 4] }],
    ["invalid-argument", "classes must be a positive integer, got 0", { classes: 0 }],
    [
      "invalid-argument",
      'groupPooling must be "average" or "max", got "sum"',
      { groupPooling: "sum" as never },
    ],
    [
      "unsupported",
      "group convolutions are for images [height, width, channels], got inputShape [8, 8, 8, 1]",
      { inputShape: [8, 8, 8, 1] },
    ],
  ];
  it.each(errors)("throws %s: %s", (code, message, options) =>
    expectGmrError(() => groupResNet({ ...small, ...options }), code, message),
  );
});
