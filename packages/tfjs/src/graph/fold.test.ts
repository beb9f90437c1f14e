import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { expectClose, expectSameOutputs, noise } from "../../testing/compareModels.ts";
import { predictInPlainTfjs } from "../../testing/plainTfjs.ts";
import {
  addThenRelu,
  fusedBatchNormalization,
  type GmrConvArgs,
  type GmrConvTransposeArgs,
  gmrConv1dLayer,
  gmrConv2dLayer,
  gmrConv2dTransposeLayer,
  gmrConv3dLayer,
  gmrConv3dTransposeLayer,
} from "../layers/index.ts";
import { foldModel } from "./fold.ts";

type Symbolic = tf.SymbolicTensor;

beforeAll(() => tf.setBackend("cpu"));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const on = (x: Symbolic | Symbolic[], layer: tf.layers.Layer) => layer.apply(x) as Symbolic;

/** A model of consecutive layers, with weights that all differ from their initial values. */
function chain(inputShape: tf.Shape, ...layers: tf.layers.Layer[]): tf.LayersModel {
  const input = tf.input({ shape: inputShape });
  return shaken(tf.model({ inputs: input, outputs: layers.reduce<Symbolic>(on, input) }));
}

/** Adds noise to all weights; those of variances stay positive. */
function shaken<M extends tf.LayersModel>(model: M): M {
  tf.tidy(() => {
    model.weights.forEach((weight, i) => {
      const size = weight.originalName.includes("bias") || weight.shape.length === 1 ? 0.3 : 0.05;
      weight.write(weight.read().add(noise(weight.shape as number[], 100 + i).mul(size)) as tf.Tensor);
      if (weight.originalName.endsWith("moving_variance")) weight.write(weight.read().abs().add(0.1));
    });
  });
  return model;
}

const classes = (model: tf.LayersModel) => model.layers.map((layer) => layer.getClassName());

describe("a convolution of any options", () => {
  const LAYERS = {
    conv1D: { rank: 1, make: gmrConv1dLayer, transposed: false, sizes: [1, 9] },
    conv2D: { rank: 2, make: gmrConv2dLayer, transposed: false, sizes: [1, 9] },
    conv3D: { rank: 3, make: gmrConv3dLayer, transposed: false, sizes: [1, 6] },
    conv2DTranspose: { rank: 2, make: gmrConv2dTransposeLayer, transposed: true, sizes: [1, 5] },
    conv3DTranspose: { rank: 3, make: gmrConv3dTransposeLayer, transposed: true, sizes: [1, 3] },
  } as const;

  interface Problem {
    shape: number[];
    args: GmrConvArgs & GmrConvTransposeArgs;
    norm: boolean;
  }

  function problems(rank: number, transposed: boolean, [min, max]: readonly [number, number]) {
    const axes = (arb: fc.Arbitrary<number>) => fc.array(arb, { minLength: rank, maxLength: rank });
    const odd = rank === 3 ? [1, 3] : [1, 3, 5];
    return fc
      .record({
        sizes: axes(fc.integer({ min, max })),
        batch: fc.integer({ min: 1, max: 2 }),
        groups: fc.integer({ min: 1, max: 3 }),
        channels: fc.integer({ min: 1, max: 2 }),
        multiplier: fc.integer({ min: 1, max: 2 }),
        kernelSize: axes(fc.constantFrom(...odd)),
        strides: fc.oneof(fc.constant(1), axes(fc.integer({ min: 1, max: 3 }))),
        dilationRate: fc.oneof(fc.constant(1), axes(fc.integer({ min: 1, max: 3 }))),
        padding: fc.oneof(
          fc.constantFrom("same" as const, "valid" as const),
          axes(fc.integer({ min: 0, max: 3 })),
        ),
        padMode: fc.constantFrom(
          "zeros" as const,
          "zeros" as const,
          "reflect" as const,
          "replicate" as const,
          "circular" as const,
        ),
        outputPadding: fc.oneof(fc.constant(0), axes(fc.integer({ min: 0, max: 2 }))),
        circular: fc.boolean(),
        mixture: fc.boolean(),
        trainMasks: fc.boolean(),
        useBias: fc.boolean(),
        activation: fc.constantFrom("linear" as const, "relu" as const, "tanh" as const),
        norm: fc.boolean(),
      })
      .map(({ sizes, batch, channels, multiplier, norm, padMode, outputPadding, ...rest }): Problem => {
        const { groups } = rest;
        const filters = groups * (channels === 1 ? multiplier : 2);
        const extra = transposed ? { outputPadding } : { padMode };
        return { shape: [batch, ...sizes, groups * channels], args: { ...rest, ...extra, filters }, norm };
      });
  }

  it.each(Object.entries(LAYERS))("%s", (_, { rank, make, transposed, sizes }) => {
    let compared = 0;
    const property = fc.property(problems(rank, transposed, sizes), ({ shape, args, norm }) => {
      tf.engine().startScope();
      try {
        let layer: tf.layers.Layer;
        try {
          layer = make(args);
          layer.computeOutputShape(shape);
        } catch {
          return; // options that fit no input, or not this one
        }
        const norms = norm ? [fusedBatchNormalization({ relu: args.circular })] : [];
        const model = chain(shape.slice(1), layer, ...norms);
        const folded = foldModel(model);
        expectSameOutputs(model, folded, noise(shape, 3));
        if (norm && args.activation === "linear") expect(classes(folded)).not.toContain("BatchNormalization");
        compared++;
        model.dispose();
        folded.dispose();
      } finally {
        tf.engine().endScope();
      }
    });
    fc.assert(property, { numRuns: 400, seed: 5 });
    expect(compared).toBeGreaterThan(100);
  });
});

describe("padding", () => {
  const layersOf = (args: Partial<GmrConvArgs>, inputShape: tf.Shape = [8, 8, 2]) =>
    classes(
      foldModel(chain(inputShape, gmrConv2dLayer({ filters: 3, kernelSize: 3, name: "ring", ...args }))),
    ).slice(1);

  it.each<[string, Partial<GmrConvArgs>, string[]]>([
    ["same", { padding: "same" }, ["Conv2D"]],
    ["same with strides", { padding: "same", strides: 2 }, ["Conv2D"]],
    ["the number that same gives", { padding: 1 }, ["Conv2D"]],
    ["the number that same gives, dilated", { padding: 2, dilationRate: 2 }, ["Conv2D"]],
    ["a number", { padding: 1, strides: 2 }, ["ZeroPadding2D", "Conv2D"]],
    ["none", { padding: 0, padMode: "reflect" }, ["Conv2D"]],
    ["a mode", { padding: [1, 0], padMode: "reflect" }, ["Permute", "Dense", "Permute", "Conv2D"]],
    ["depthwise", { padding: "same", groups: 2, filters: 4, dilationRate: 2 }, ["DepthwiseConv2D"]],
  ])("%s", (_, args, expected) => {
    expect(layersOf(args)).toEqual(expected);
  });

  it.each<[string, Partial<GmrConvArgs>]>([
    ["same", { padding: "same", strides: 2 }],
    ["a number", { padding: 2, strides: 2 }],
  ])("of unknown sizes: %s", (_, args) => {
    const model = chain([null, null, 2], gmrConv2dLayer({ filters: 3, kernelSize: 3, ...args }));
    const folded = foldModel(model);
    for (const sizes of [
      [5, 6],
      [8, 7],
    ]) {
      expectSameOutputs(folded, model, noise([1, ...sizes, 2], 3));
    }
  });

  it("rejects a pad mode for unknown sizes, and leaves nothing behind", async () => {
    const before = gmrConv2dLayer({ filters: 2, kernelSize: 3, padding: 1 });
    const ring = gmrConv2dLayer({ filters: 2, kernelSize: 3, padding: 1, padMode: "reflect", name: "ring" });
    const model = chain([null, 8, 2], before, ring);
    const tensors = tf.memory().numTensors;
    await expectGmrError(
      () => foldModel(model),
      "unsupported",
      "layer ring needs inputs of known size for its padding, got [null,null,8,2]",
    );
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

/** Stock and own layers, merged where possible: two inputs, two outputs, shared and nested layers. */
function network(): tf.LayersModel {
  const [a, b] = ["a", "b"].map((name) => tf.input({ shape: [8, 8, 3], name }));
  const ring = gmrConv2dLayer({ filters: 4, kernelSize: 5, padding: 2, padMode: "circular", name: "ring" });
  const inner = tf.input({ shape: [8, 8, 4] });
  const nested = tf.model({
    inputs: inner,
    outputs: on(
      on(
        inner,
        gmrConv2dLayer({ filters: 4, kernelSize: 3, padding: "same", groups: 2, name: "inner_ring" }),
      ),
      fusedBatchNormalization({ relu: true, name: "inner_norm" }),
    ),
    name: "nested",
  });
  const [left, right] = [a, b].map((x) => on(on(x, ring), nested));
  const sum = on([left, right], addThenRelu({ name: "sum" }));
  const stock = on(
    on(sum, tf.layers.conv2d({ filters: 5, kernelSize: 3, strides: 2, name: "dense_conv" })),
    tf.layers.batchNormalization({ name: "stock_norm" }),
  );
  const pooled = on(stock, tf.layers.globalAveragePooling2d({ dataFormat: "channelsLast" }));
  const flat = on(left, tf.layers.flatten());
  const logits = on(
    on(pooled, tf.layers.dense({ units: 6, useBias: false, name: "fc" })),
    fusedBatchNormalization({ name: "head_norm", slope: 0.1 }),
  );
  return shaken(tf.model({ inputs: [a, b], outputs: [logits, flat], name: "network" }));
}

describe("a network", () => {
  const images = () => [noise([2, 8, 8, 3], 1), noise([2, 8, 8, 3], 2)];

  it("computes the same with stock layers only, merged, and keeps names", () => {
    const model = network();
    const folded = foldModel(model);
    expectSameOutputs(folded, model, images());
    expect(folded.name).toBe("network");
    expect(folded.inputNames).toEqual(["a", "b"]);
    const names = folded.layers.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["ring", "nested", "sum", "sum.relu", "dense_conv", "fc"]));
    expect(names).not.toEqual(expect.arrayContaining(["stock_norm"]));
    expect(names).not.toEqual(expect.arrayContaining(["head_norm"]));
    const nested = folded.getLayer("nested") as tf.LayersModel;
    expect(classes(nested)).toEqual(["InputLayer", "Conv2D"]);
    expect(nested.getLayer("inner_ring").getConfig().activation).toBe("relu");
  });

  it("loads and runs in a process that knows stock layers only", async () => {
    const model = network();
    const results = await predictInPlainTfjs(foldModel(model), images());
    const expected = model.predict(images()) as tf.Tensor[];
    results.forEach((y, i) => {
      expectClose(y, expected[i]);
    });
  });

  it("keeps the norms if asked to", () => {
    const model = network();
    const folded = foldModel(model, { mergeBatchNorm: false });
    expectSameOutputs(folded, model, images());
    expect(classes(folded)).toContain("BatchNormalization");
    expect(classes(folded.getLayer("nested") as tf.LayersModel)).toEqual([
      "InputLayer",
      "Conv2D",
      "BatchNormalization",
      "Activation",
    ]);
  });

  it("keeps ring convolutions if asked to, and their norms", () => {
    const model = network();
    const folded = foldModel(model, { rings: "keep" });
    expectSameOutputs(folded, model, images());
    expect(classes(folded)).toEqual(expect.arrayContaining(["GmrConv2D", "Add"]));
    expect(folded.layers.map(({ name }) => name)).not.toContain("stock_norm");
    expect(classes(folded.getLayer("nested") as tf.LayersModel)).toEqual([
      "InputLayer",
      "GmrConv2D",
      "BatchNormalization",
      "Activation",
    ]);
  });

  it("keeps shared layers shared", () => {
    const folded = foldModel(network());
    expect(folded.layers.filter(({ name }) => name.startsWith("ring")).map((l) => l.countParams())).toEqual(
      expect.arrayContaining([304]),
    );
    expect(classes(folded).filter((name) => name === "Conv2D")).toHaveLength(2);
    expect(classes(folded).filter((name) => name === "Model" || name === "Functional")).toHaveLength(1);
  });

  it("is independent of the original, and leaks nothing", () => {
    const model = network();
    const x = images();
    const expected = model.predict(x) as tf.Tensor[];
    const before = tf.memory().numTensors;
    const folded = foldModel(model);
    expect(tf.memory().numTensors - before).toBe(folded.weights.length);
    model.dispose();
    (folded.predict(x) as tf.Tensor[]).forEach((y, i) => {
      expectClose(y, expected[i]);
    });
  });
});

it("folds a sequential model, in 3-D, with norms that follow no convolution", () => {
  const model = shaken(
    tf.sequential({
      layers: [
        fusedBatchNormalization({ inputShape: [3, 4, 4, 2], relu: true }),
        gmrConv3dLayer({ filters: 2, kernelSize: 3, activation: "elu" }),
        fusedBatchNormalization(),
        tf.layers.flatten(),
      ],
    }),
  );
  const folded = foldModel(model);
  expectSameOutputs(folded, model, noise([2, 3, 4, 4, 2], 1));
  expect(classes(folded).slice(1)).toEqual([
    ..."Reshape BatchNormalization Reshape Activation Conv3D".split(" "),
    ..."Reshape BatchNormalization Reshape Flatten".split(" "),
  ]);
});

describe("merges batch normalisation into stock layers", () => {
  const L = tf.layers;
  it.each<[string, tf.Shape, () => tf.layers.Layer]>([
    ["Conv1D", [6, 2], () => L.conv1d({ filters: 3, kernelSize: 3, useBias: false })],
    ["Conv2D", [5, 5, 2], () => L.conv2d({ filters: 3, kernelSize: 3, kernelConstraint: "maxNorm" })],
    ["Conv2DTranspose", [5, 5, 2], () => L.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2 })],
    ["DepthwiseConv2D", [5, 5, 2], () => L.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 })],
    [
      "SeparableConv2D",
      [5, 5, 2],
      () => L.separableConv2d({ kernelSize: 3, filters: 3, depthMultiplier: 2 }),
    ],
    ["Dense", [4, 2], () => L.dense({ units: 3 })],
  ])("%s", (className, shape, make) => {
    const model = chain(shape, make(), L.batchNormalization({ scale: false }));
    const folded = foldModel(model);
    expectSameOutputs(folded, model, noise([2, ...(shape as number[])], 1));
    expect(classes(folded).slice(1)).toEqual([className]);
  });

  it.each<[string, tf.layers.Layer[]]>([
    ["after an activation", [L.conv2d({ filters: 3, kernelSize: 3, activation: "tanh" })]],
    ["of another axis", []],
  ])("but not %s", (_, layers) => {
    const norm = L.batchNormalization(layers.length === 0 ? { axis: 1 } : {});
    const before = layers.length === 0 ? [L.conv2d({ filters: 3, kernelSize: 3 })] : layers;
    const folded = foldModel(chain([5, 5, 2], ...before, norm));
    expect(classes(folded)).toContain("BatchNormalization");
  });

  it("but not if the output is used elsewhere, or the layer has other calls", () => {
    const [a, b] = [tf.input({ shape: [4] }), tf.input({ shape: [4] })];
    const shared = L.dense({ units: 4 });
    const once = on(a, L.dense({ units: 4 }));
    const outputs = [
      on(on(a, shared), L.batchNormalization()),
      on(b, shared),
      on(once, L.batchNormalization()),
      once,
    ];
    const model = shaken(tf.model({ inputs: [a, b], outputs }));
    const folded = foldModel(model);
    expectSameOutputs(folded, model, [noise([2, 4], 1), noise([2, 4], 2)]);
    expect(classes(folded).filter((name) => name === "BatchNormalization")).toHaveLength(2);
  });
});

/** Can fold itself. */
class Halve extends tf.layers.Layer {
  static readonly className = "Halve";

  override call(x: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.mul(Array.isArray(x) ? x[0] : x, 0.5);
  }

  foldToStock(inputs: readonly Symbolic[], name: (wanted?: string) => string): Symbolic {
    return on(inputs[0], tf.layers.rescaling({ scale: 0.5, name: name() }));
  }
}

/** Cannot. */
class Foreign extends tf.layers.Layer {
  static readonly className = "Foreign";
}

describe("third-party layers", () => {
  it("are folded by foldToStock, also when they are shared", () => {
    const [a, b] = [tf.input({ shape: [4] }), tf.input({ shape: [4] })];
    const halve = new Halve({ name: "halve" });
    const model = tf.model({ inputs: [a, b], outputs: [on(a, halve), on(b, halve)] });
    const folded = foldModel(model);
    expectSameOutputs(folded, model, [noise([2, 4], 1), noise([2, 4], 2)]);
    expect(folded.layers.map(({ name }) => name)).toEqual(expect.arrayContaining(["halve", "halve_1"]));
  });

  it("are named if they cannot", async () => {
    await expectGmrError(
      () => foldModel(chain([4], new Foreign({ name: "own" }))),
      "unsupported",
      "layer own of class Foreign has no stock equivalent",
    );
    const inside = tf.layers.timeDistributed({
      layer: gmrConv2dLayer({ filters: 1, kernelSize: 3 }),
      name: "frames",
    });
    await expectGmrError(
      () => foldModel(chain([2, 5, 5, 1], inside)),
      "unsupported",
      "layer frames of class GmrConv2D has no stock equivalent",
    );
  });
});

it("rejects unknown options", () =>
  expectGmrError(
    () => Reflect.apply(foldModel, undefined, [chain([4]), { rings: "merge" }]),
    "invalid-argument",
    'rings must be "fold" or "keep", got "merge"',
  ));
