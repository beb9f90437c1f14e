import { useWasm } from "@gmr-conv/backend-wasm";
import { product, Random } from "@gmr-conv/core";
import {
  composeSymmetries,
  DIHEDRAL_GROUP,
  inverseSymmetry,
  maxRelativeError,
  type Symmetry,
  transformImage,
} from "@gmr-conv/core/equivariance";
import { addThenRelu, foldModel } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { expandKernel, kernelSources } from "./expandKernel.ts";
import { GroupBatchNormalization } from "./groupBatchNormalization.ts";
import { GroupConv2D, type GroupConv2DArgs } from "./groupConv2D.ts";
import { GroupPooling } from "./groupPooling.ts";
import { groupElements, type PlaneGroup } from "./groups.ts";
import { registerGroupLayers } from "./register.ts";

const GROUPS: PlaneGroup[] = ["p4", "p4m"];

beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const random = new Random(11);
const normal = (shape: number[]): tf.Tensor =>
  tf.tensor(
    Float32Array.from({ length: product(shape) }, () => random.normal()),
    shape,
  );

/**
 * x turned by u. If its channels are ordered by the elements of a group, element h of the result is T_u x_{u⁻¹h}.
 */
function turned(x: tf.Tensor, u: Symmetry, elements: readonly Symmetry[] = []): tf.Tensor {
  const { image, shape } = transformImage(x.dataSync() as Float32Array, x.shape, u);
  const maps = tf.tensor(image, [...shape]);
  if (elements.length === 0) return maps;
  const parts = tf.split(maps, elements.length, 3);
  const undo = inverseSymmetry(u);
  const order = elements.map((h) => elements.indexOf(composeSymmetries(undo, h)));
  return tf.concat(
    order.map((i) => parts[i]),
    3,
  );
}

const difference = (a: tf.Tensor, b: tf.Tensor): number => {
  expect(a.shape).toEqual(b.shape);
  return maxRelativeError(a.dataSync(), b.dataSync());
};

/** A layer built on x, with noise added to all its initial weights. */
function shaken<L extends tf.layers.Layer>(layer: L, x: tf.Tensor): L {
  layer.apply(x);
  layer.setWeights(layer.getWeights().map((w) => w.add(normal(w.shape).abs())));
  return layer;
}

describe.each(["wasm", "cpu"])("on %s", (backend) => {
  beforeAll(async () => {
    if (backend === "wasm") await useWasm();
    else await tf.setBackend(backend);
  });

  describe.each(GROUPS)("%s", (group) => {
    const elements = groupElements(group);
    const order = elements.length;

    const convolutions: [string, Partial<GroupConv2DArgs>, number[]][] = [
      ["lifting, even sides", { lifting: true }, [2, 8, 8, 2]],
      ["lifting, odd sides, 5×5, valid", { lifting: true, kernelSize: 5, padding: "valid" }, [1, 9, 9, 3]],
      ["group, even sides", {}, [1, 6, 6, 2 * order]],
      ["group, odd and unequal sides, valid", { padding: "valid" }, [2, 7, 5, order]],
      ["group, 1×1", { kernelSize: 1, useBias: false }, [1, 5, 5, 2 * order]],
    ];
    it.each(convolutions)("GroupConv2D is equivariant: %s", (_, args, shape) => {
      const x = normal(shape);
      const layer = shaken(new GroupConv2D({ group, filters: 3, kernelSize: 3, ...args }), x);
      const y = layer.apply(x) as tf.Tensor;
      expect(y.shape).toEqual(layer.computeOutputShape(shape));
      // The maps of the identity are an ordinary convolution with the weights.
      const [kernel, bias] = layer.getWeights();
      const plain = tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, 1, args.padding ?? "same");
      const first = tf.split(y, order, 3)[0];
      expect(difference(first, bias ? plain.add(bias) : plain)).toBeLessThan(1e-5);
      for (const u of elements) {
        const actual = layer.apply(turned(x, u, args.lifting ? [] : elements)) as tf.Tensor;
        expect(difference(actual, turned(y, u, elements))).toBeLessThan(1e-5);
      }
    });

    it.each([true, false])("GroupBatchNormalization is equivariant, training: %s", (training) => {
      const x = normal([2, 5, 5, 3 * order])
        .mul(3)
        .add(1);
      const layer = shaken(new GroupBatchNormalization({ group, relu: true }), x);
      const start = layer.getWeights().map((w) => w.clone());
      const run = (input: tf.Tensor) => {
        layer.setWeights(start);
        return layer.apply(input, { training }) as tf.Tensor;
      };
      const y = run(x);
      expect(y.min().dataSync()[0]).toBe(0);
      for (const u of elements) {
        expect(difference(run(turned(x, u, elements)), turned(y, u, elements))).toBeLessThan(1e-5);
      }
    });

    it.each(["average", "max"] as const)("GroupPooling turns with its input: %s", (pooling) => {
      const x = normal([1, 4, 4, 3 * order]);
      const layer = new GroupPooling({ group, pooling });
      const y = layer.apply(x) as tf.Tensor;
      const parts = tf.stack(tf.split(x, order, 3));
      expect(difference(y, pooling === "max" ? parts.max(0) : parts.mean(0))).toBeLessThan(1e-6);
      for (const u of elements) {
        expect(difference(layer.apply(turned(x, u, elements)) as tf.Tensor, turned(y, u))).toBeLessThan(1e-6);
      }
    });

    it.each([true, false])("has gradients that match finite differences, lifting: %s", (lifting) => {
      const x = normal([1, 4, 4, lifting ? 2 : order]);
      const layer = shaken(new GroupConv2D({ group, filters: 2, kernelSize: 3, lifting }), x);
      const [kernel, bias] = layer.getWeights();
      const factors = normal([1, 4, 4, 2 * order]);
      // Quadratic, so central differences are exact for any step.
      const loss = (): tf.Scalar =>
        (layer.apply(x) as tf.Tensor).square().mul(factors).mean().mul(10) as tf.Scalar;
      const { grads } = tf.variableGrads(loss);
      const analytic = layer.trainableWeights.map(({ name }) => grads[name]);
      [kernel, bias].forEach((weight, w) => {
        const values = Float32Array.from(weight.dataSync());
        const indices = Array.from({ length: Math.min(12, values.length) }, () => random.int(values.length));
        const numeric = indices.map((i) => {
          const [above, below] = [0.5, -0.5].map((step) => {
            const moved = values.slice();
            moved[i] += step;
            const weights = [kernel.clone(), bias.clone()];
            weights[w] = tf.tensor(moved, weight.shape);
            const start = [kernel, bias].map((each) => each.clone());
            layer.setWeights(weights);
            const value = loss().dataSync()[0];
            layer.setWeights(start);
            return value;
          });
          return above - below;
        });
        const actual = analytic[w].dataSync();
        expect(
          maxRelativeError(
            indices.map((i) => actual[i]),
            numeric,
          ),
        ).toBeLessThan(1e-3);
      });
    });
  });

  it("p4 is not equivariant to mirror images", () => {
    const x = normal([1, 6, 6, 2]);
    const layer = new GroupConv2D({ group: "p4", filters: 3, kernelSize: 3, lifting: true, seed: 1 });
    // An average of 3×3 kernels over turns would be symmetric.
    const pool = new GroupPooling({ group: "p4", pooling: "max" });
    const maps = (input: tf.Tensor) => pool.apply(layer.apply(input)) as tf.Tensor;
    const y = maps(x);
    for (const u of DIHEDRAL_GROUP) {
      const error = difference(maps(turned(x, u)), turned(y, u));
      if (u.reflection) expect(error).toBeGreaterThan(0.05);
      else expect(error).toBeLessThan(1e-5);
    }
  });
});

describe("the layers of group convolutions", () => {
  beforeAll(async () => {
    await useWasm();
  });

  it("expands a kernel whose first element is the weights, into copies of them", () => {
    for (const lifting of [true, false]) {
      const weights = normal([3, 3, lifting ? 2 : 16, 3]) as tf.Tensor4D;
      const dense = expandKernel(weights, kernelSources("p4m", 3, lifting), 8);
      expect(dense.shape).toEqual([3, 3, lifting ? 2 : 16, 24]);
      const [first, ...others] = tf.split(dense, 8, 3);
      expect(first.dataSync()).toEqual(weights.dataSync());
      const sorted = [...weights.dataSync()].sort();
      for (const copy of others) {
        expect(copy.dataSync()).not.toEqual(weights.dataSync());
        expect([...copy.dataSync()].sort()).toEqual(sorted);
      }
    }
  });

  it("shares weights between elements, and starts with the same ones from the same seed", () => {
    const x = normal([1, 5, 5, 16]);
    const layers = [4, 4, 5].map((seed) => {
      const layer = new GroupConv2D({ group: "p4m", filters: 30, kernelSize: 3, seed });
      layer.apply(x);
      return layer;
    });
    const [a, b, c] = layers.map((layer) => layer.getWeights()[0].dataSync<"float32">());
    expect(layers[0].weights.map(({ shape }) => shape)).toEqual([[3, 3, 16, 30], [30]]);
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
    const deviation = Math.sqrt(a.reduce((sum, value) => sum + value * value, 0) / a.length);
    // Truncated at two deviations, which leaves 0.88 of the deviation.
    expect(deviation / Math.sqrt(2 / (9 * 8 * 30))).toBeCloseTo(0.88, 1);
    const norm = new GroupBatchNormalization({ group: "p4m" });
    norm.apply(x);
    expect(norm.weights.map(({ shape }) => shape)).toEqual([[2], [2], [2], [2]]);
    expect(norm.trainableWeights).toHaveLength(2);
    norm.trainable = false;
    expect(norm.trainableWeights).toHaveLength(0);
  });

  it("normalises with statistics over all elements", () => {
    const x = normal([4, 6, 6, 8]);
    const y = new GroupBatchNormalization({ group: "p4" }).apply(x, { training: true }) as tf.Tensor;
    const { mean, variance } = tf.moments(y.reshape([-1, 2]), 0);
    for (const value of mean.dataSync()) expect(value).toBeCloseTo(0, 5);
    for (const value of variance.dataSync()) expect(value).toBeCloseTo(1, 3);
  });

  /** A small network of all layers that work on maps. */
  function maps(height: number | null): tf.LayersModel {
    registerGroupLayers();
    const input = tf.input({ shape: [height, 6, 2] });
    const group = "p4m";
    const layers = [
      new GroupConv2D({ group, filters: 3, kernelSize: 3, lifting: true, name: "lift" }),
      new GroupBatchNormalization({ group, relu: true, epsilon: 1e-3, name: "norm" }),
      new GroupConv2D({ group, filters: 2, kernelSize: 3, padding: "valid", name: "conv" }),
    ];
    const x = layers.reduce((y, layer) => layer.apply(y) as tf.SymbolicTensor, input);
    const pooled = (["average", "max"] as const).map(
      (pooling) => new GroupPooling({ group, pooling, name: pooling }).apply(x) as tf.SymbolicTensor,
    );
    const model = tf.model({ inputs: input, outputs: addThenRelu({ name: "end" }).apply(pooled) as never });
    model.setWeights(model.getWeights().map((w) => w.add(normal(w.shape).abs())));
    return model;
  }

  it("fold to stock layers that compute the same", () => {
    const model = maps(7);
    const folded = foldModel(model);
    const x = normal([2, 7, 6, 2]);
    expect(difference(folded.predict(x) as tf.Tensor, model.predict(x) as tf.Tensor)).toBeLessThan(1e-5);
    expect(new Set(folded.layers.map((layer) => layer.getClassName()))).toEqual(
      new Set(
        "InputLayer Conv2D BatchNormalization Activation Reshape AveragePooling2D MaxPooling2D Add".split(
          " ",
        ),
      ),
    );
    expect(folded.layers.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["lift", "norm", "conv", "average", "max"]),
    );
  });

  it("are saved and loaded with their options", async () => {
    const model = maps(null);
    const loaded = await tf.models.modelFromJSON(JSON.parse(model.toJSON() as string));
    loaded.setWeights(model.getWeights());
    const x = normal([1, 5, 6, 2]);
    expect((loaded.predict(x) as tf.Tensor).dataSync()).toEqual((model.predict(x) as tf.Tensor).dataSync());
    const configs = (from: tf.LayersModel) => from.layers.map((layer) => layer.getConfig());
    expect(configs(loaded)).toEqual(configs(model));
  });

  it("leave no tensors behind", () => {
    const layer = new GroupConv2D({ group: "p4m", filters: 3, kernelSize: 3 });
    const norm = new GroupBatchNormalization({ group: "p4m" });
    const x = normal([1, 5, 5, 16]);
    const step = () => {
      const y = layer.apply(x) as tf.Tensor;
      tf.dispose([y, norm.apply(y, { training: true }) as tf.Tensor]);
    };
    const before = tf.memory().numTensors;
    step();
    const built = tf.memory().numTensors;
    expect(built).toBe(before + 6); // the weights
    step();
    expect(tf.memory().numTensors).toBe(built);
    layer.dispose();
    norm.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  const args = { group: "p4", filters: 2, kernelSize: 3 } as const;
  const errors: [string, string, () => unknown][] = [
    [
      "invalid-argument",
      'group must be "p4" or "p4m", got "p6"',
      () => new GroupConv2D({ ...args, group: "p6" as never }),
    ],
    ["invalid-argument", "kernelSize must be odd, got 4", () => new GroupConv2D({ ...args, kernelSize: 4 })],
    [
      "invalid-argument",
      "filters must be a positive integer, got 0",
      () => new GroupConv2D({ ...args, filters: 0 }),
    ],
    [
      "invalid-argument",
      'padding must be "same" or "valid", got 1',
      () => new GroupConv2D({ ...args, padding: 1 as never }),
    ],
    [
      "invalid-shape",
      "layer c needs inputs [N, H, W, C] with C a multiple of 4, got [null, 8, 8, 6]",
      () => new GroupConv2D({ ...args, name: "c" }).apply(tf.input({ shape: [8, 8, 6] })),
    ],
    [
      "invalid-shape",
      "layer l needs inputs [N, H, W, C] with C known, got [null, 8, 3]",
      () => new GroupConv2D({ ...args, name: "l", lifting: true }).apply(tf.input({ shape: [8, 3] })),
    ],
    [
      "invalid-shape",
      "layer n needs inputs [N, ..., C] with C a multiple of 8, got [null, 4]",
      () => new GroupBatchNormalization({ group: "p4m", name: "n" }).apply(tf.input({ shape: [4] })),
    ],
    [
      "invalid-argument",
      'pooling must be "average" or "max", got "sum"',
      () => new GroupPooling({ group: "p4m", pooling: "sum" as never }),
    ],
    [
      "unsupported",
      "layer average needs inputs of known size to become stock layers, got [null, null, 4, 16]",
      () => foldModel(maps(null)),
    ],
  ];
  it.each(errors)("throws %s: %s", (code, message, action) => expectGmrError(action, code, message));
});
