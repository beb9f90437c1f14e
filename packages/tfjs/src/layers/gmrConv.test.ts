import { ringPartition } from "@gmr-conv/core";
import { changeBasis, type RingBasis, whiteBasis } from "@gmr-conv/core/bases";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { saveAndLoad } from "../../testing/saveAndLoad.ts";
import { GmrConv, type GmrConvArgs, gmrConv2dLayer } from "./index.ts";

beforeAll(() => tf.setBackend("cpu"));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const image = (...shape: number[]) => tf.randomNormal(shape, 0, 1, "float32", 5);

function modelOf(args: GmrConvArgs, inputShape = [9, 8, 4]): tf.Sequential {
  return tf.sequential({ layers: [tf.layers.inputLayer({ inputShape }), gmrConv2dLayer(args)] });
}

/** A layer's config after a JSON round trip; stock initialisers have undefined seeds. */
function configOf(layer: tf.layers.Layer): unknown {
  return JSON.parse(JSON.stringify(layer.getConfig(), (_, value) => value ?? null));
}

/** What an untyped caller could pass. */
function create(args: unknown): unknown {
  return Reflect.apply(gmrConv2dLayer, undefined, [args]);
}

it("refuses channels first, which it would take for a side", () => {
  const args = { filters: 2, kernelSize: 3, dataFormat: "channelsFirst" };
  expect(() => gmrConv2dLayer(args)).toThrow('dataFormat must be "channelsLast", got "channelsFirst"');
  expect(gmrConv2dLayer({ ...args, dataFormat: "channelsLast" } as typeof args).filters).toBe(2);
});

describe("in a model", () => {
  it("has the weights, shapes and counts that summary shows", () => {
    const model = modelOf({ filters: 6, kernelSize: 5, groups: 2, name: "ring" });
    const lines: string[] = [];
    model.summary(100, [0.4, 0.7, 1], (line) => lines.push(line));
    const row = lines.find((line) => line.startsWith("ring (GmrConv2D)"));
    expect(row).toMatch(/\[null,5,4,6\]\s+45\s*$/); // 3 rings × 2 × 6 + 3 sigmas + 6 biases
    expect(model.weights.map((weight) => [weight.originalName, weight.shape])).toEqual([
      ["ring/white_weights", [3, 2, 6]],
      ["ring/log_sigmas", [3]],
      ["ring/bias", [6]],
    ]);
  });

  it.each<[string, Partial<GmrConvArgs>, (number | null)[], (number | null)[]]>([
    ["valid", {}, [9, 8, 4], [7, 6, 2]],
    ["same", { padding: "same", strides: [2, 3] }, [9, 8, 4], [5, 3, 2]],
    ["numbers", { padding: [2, 0] }, [9, 8, 4], [11, 6, 2]],
    ["dilation", { dilationRate: [2, 3] }, [9, 8, 4], [5, 2, 2]],
    ["unknown sizes", { padding: "same" }, [null, null, 4], [null, null, 2]],
    ["one unknown size", { strides: 2 }, [null, 8, 4], [null, 3, 2]],
  ])("computes its output shape: %s", (_, args, inputShape, expected) => {
    const layer = gmrConv2dLayer({ filters: 2, kernelSize: 3, ...args });
    expect(layer.computeOutputShape([null, ...inputShape])).toEqual([null, ...expected]);
    if (!inputShape.includes(null)) {
      const known = inputShape.map(Number);
      expect((layer.apply(image(1, ...known)) as tf.Tensor).shape).toEqual([1, ...expected]);
    }
  });

  it("learns by fit, and trains sigma and bias too", async () => {
    const model = modelOf({ filters: 2, kernelSize: 3, padding: "same", seed: 1 }, [6, 6, 1]);
    model.compile({ optimizer: tf.train.adam(0.02), loss: "meanSquaredError" });
    const x = image(8, 6, 6, 1);
    const target = modelOf({ filters: 2, kernelSize: 3, padding: "same", seed: 2 }, [6, 6, 1]);
    const before = model.getWeights().map((weight) => Array.from(weight.dataSync()));
    const { history } = await model.fit(x, target.predict(x) as tf.Tensor, { epochs: 15, verbose: 0 });
    const losses = history.loss.map(Number);
    expect(losses[14]).toBeLessThan(0.5 * losses[0]);
    model.getWeights().forEach((weight, i) => {
      expect(Array.from(weight.dataSync())).not.toEqual(before[i]);
    });
  });

  it("applies its activation", () => {
    const x = image(1, 5, 5, 2);
    const plain = gmrConv2dLayer({ filters: 3, kernelSize: 3, seed: 1 }).apply(x) as tf.Tensor;
    for (const [activation, expected] of [
      ["relu", plain.relu()],
      ["tanh", plain.tanh()],
      ["linear", plain],
    ] as const) {
      const y = gmrConv2dLayer({ filters: 3, kernelSize: 3, seed: 1, activation }).apply(x) as tf.Tensor;
      expect(Array.from(y.dataSync())).toEqual(Array.from(expected.dataSync()));
    }
  });

  it("leaves sigma alone with trainSigma: false", () => {
    const layer = modelOf({ filters: 2, kernelSize: 3, trainSigma: false }).layers[1];
    expect(layer.trainableWeights.map((weight) => weight.originalName.split("/")[1])).toEqual([
      "white_weights",
      "bias",
    ]);
    expect(layer.nonTrainableWeights.length).toBe(1);
  });

  it("has neither sigma nor bias if they are switched off", () => {
    const layer = modelOf({ filters: 2, kernelSize: 3, mixture: false, useBias: false }).layers[1];
    expect(layer.weights.map((weight) => weight.originalName.split("/")[1])).toEqual(["white_weights"]);
  });

  it.each<[string, Partial<GmrConvArgs>]>([
    ["of the official networks", { kernelInitializer: "kaimingNormal", seed: 4 }],
    ["of a stock initialiser", { kernelInitializer: "ones" }],
  ])("has ring weights %s in any basis", (_, start) => {
    const read = (ringBasis: RingBasis) => {
      const model = modelOf({ filters: 3, kernelSize: 9, padding: "same", ...start, ringBasis });
      return (model.layers[1] as GmrConv).readRings().dataSync();
    };
    const rings = read("rings");
    const largest = Math.max(...rings.map(Math.abs));
    for (const basis of ["white", "halfWhite"] as const) {
      read(basis).forEach((weight, i) => {
        expect(Math.abs(weight - rings[i])).toBeLessThan(2e-6 * largest);
      });
    }
  });

  it.each(["white", "halfWhite"] as const)(
    "trains in %s coordinates what it would train in rings: the gradients differ by the basis alone",
    (basis) => {
      const x = image(2, 7, 7, 2);
      const args = { filters: 3, kernelSize: 5, kernelInitializer: "kaimingNormal", seed: 4 } as const;
      const [white, rings] = [basis, "rings" as const].map((ringBasis) => {
        const layer = gmrConv2dLayer({ ...args, ringBasis });
        layer.build([null, 7, 7, 2]);
        const [trained] = layer.weights.map((weight) => weight.read() as tf.Variable);
        const { grads } = tf.variableGrads(() => (layer.apply(x) as tf.Tensor).square().mean(), [trained]);
        return Array.from(grads[trained.name].dataSync());
      });
      const { matrix } = whiteBasis(ringPartition(5), true, basis);
      const largest = Math.max(...white.map(Math.abs));
      changeBasis(matrix, rings).forEach((value, i) => {
        expect(Math.abs(value - white[i])).toBeLessThan(1e-5 * largest);
      });
    },
  );

  it("refuses a start in coordinates that it does not train", () => {
    const args = { filters: 2, kernelSize: 3, ringBasis: "rings", kernelInitializer: "white" } as const;
    expect(() => gmrConv2dLayer(args)).toThrow(
      'kernelInitializer "white" needs ringBasis "white" or "halfWhite", got "rings"',
    );
    expect(() => gmrConv2dLayer({ ...args, ringBasis: "ring" as "rings" })).toThrow(
      'ringBasis must be one of "white", "halfWhite", "rings", got "ring"',
    );
  });

  it("starts with the same weights for the same seed", () => {
    const weights = (seed?: number) =>
      Array.from(modelOf({ filters: 2, kernelSize: 3, seed }).getWeights()[0].dataSync());
    expect(weights(1)).toEqual(weights(1));
    expect(weights(1)).not.toEqual(weights(2));
    expect(weights()).not.toEqual(weights());
  });

  it("starts its sigmas at k₀ / (2(R - 1)) / 2.355", () => {
    const [, logSigmas] = modelOf({ filters: 2, kernelSize: 7 }).getWeights();
    for (const value of logSigmas.dataSync()) expect(Math.exp(value)).toBeCloseTo(7 / 6 / 2.355, 6);
  });

  it("leaks no tensors over training steps", async () => {
    const model = modelOf({ filters: 2, kernelSize: 3, activation: "relu", kernelRegularizer: "l2" });
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const [x, y] = [image(2, 9, 8, 4), image(2, 7, 6, 2)];
    await model.trainOnBatch(x, y);
    const before = tf.memory().numTensors;
    for (let step = 0; step < 3; step++) await model.trainOnBatch(x, y);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("saving and loading", () => {
  it.each<[string, GmrConvArgs]>([
    ["the defaults", { filters: 4, kernelSize: 3 }],
    [
      "every option",
      {
        filters: 4,
        kernelSize: [3, 5],
        strides: [2, 1],
        padding: [1, 2],
        padMode: "replicate",
        dilationRate: [1, 2],
        groups: 2,
        numRings: 4,
        circular: false,
        mixture: true,
        trainSigma: false,
        decaySigma: true,
        trainMasks: true,
        strategy: "dense",
        activation: "tanh",
        useBias: true,
        kernelInitializer: "kaimingUniform",
        seed: 7,
        biasInitializer: tf.initializers.constant({ value: 0.5 }),
        kernelRegularizer: tf.regularizers.l2({ l2: 0.02 }),
        biasRegularizer: tf.regularizers.l1({ l1: 0.03 }),
        sigmaRegularizer: tf.regularizers.l1l2({ l1: 0.04, l2: 0.05 }),
        kernelConstraint: tf.constraints.maxNorm({ maxValue: 3, axis: 1 }),
        biasConstraint: tf.constraints.nonNeg(),
        name: "every_option",
        trainable: false,
      },
    ],
    [
      "what is switched off",
      {
        filters: 4,
        kernelSize: 5,
        padding: "same",
        mixture: false,
        useBias: false,
        activation: "relu",
        kernelInitializer: "ringMean",
      },
    ],
    [
      "initialisers by name and as JSON",
      {
        filters: 4,
        kernelSize: 3,
        kernelInitializer: "glorotUniform",
        biasInitializer: { className: "Constant", config: { value: 2 } },
        kernelRegularizer: "l1l2",
        kernelConstraint: "nonNeg",
      },
    ],
  ])("keeps %s", async (_, args) => {
    const model = modelOf(args);
    model.setWeights(model.getWeights().map((weight) => weight.clone())); // applies the constraints, as loading does
    const loaded = await saveAndLoad(model);
    const layer = loaded.layers[1];
    expect(layer).toBeInstanceOf(GmrConv);
    expect(configOf(layer)).toEqual(configOf(model.layers[1]));
    expect(layer.trainable).toBe(args.trainable ?? true);
    const x = image(2, 9, 8, 4);
    const difference = (loaded.predict(x) as tf.Tensor).sub(model.predict(x) as tf.Tensor);
    // maxNorm, applied once more in loading, rounds.
    expect(difference.abs().max().dataSync()[0]).toBeLessThanOrEqual(args.name === "every_option" ? 1e-5 : 0);
  });

  it("writes every argument to the config", () => {
    const layer = gmrConv2dLayer({ filters: 4, kernelSize: 3, name: "c" });
    expect(layer.getConfig()).toMatchObject({
      name: "c",
      filters: 4,
      kernelSize: [3, 3],
      strides: [1, 1],
      padding: "valid",
      padMode: "zeros",
      dilationRate: [1, 1],
      groups: 1,
      numRings: 2,
      circular: true,
      mixture: true,
      ringBasis: "white",
      trainSigma: true,
      decaySigma: false,
      trainMasks: false,
      strategy: "auto",
      activation: "linear",
      useBias: true,
      kernelInitializer: "white",
      seed: null,
      biasInitializer: { className: "Zeros", config: {} },
      kernelRegularizer: null,
      biasRegularizer: null,
      sigmaRegularizer: null,
      kernelConstraint: null,
      biasConstraint: null,
    });
  });
});

describe("initialisers, regularisers, constraints", () => {
  it.each(["zeros", "ones", "glorotNormal", "heUniform", "truncatedNormal", "leCunNormal"])(
    "knows the initialiser %s by name",
    (kernelInitializer) => {
      const [weights] = modelOf({ filters: 2, kernelSize: 3, kernelInitializer }).getWeights();
      expect(weights.shape).toEqual([2, 4, 2]);
    },
  );

  it("counts the regularisation in the training loss", async () => {
    const lossOf = async (regularizers: Partial<GmrConvArgs>) => {
      const layerArgs: GmrConvArgs = { filters: 2, kernelSize: 3, seed: 1, biasInitializer: "ones" };
      const model = modelOf({ ...layerArgs, ...regularizers });
      model.compile({ optimizer: tf.train.sgd(0), loss: "meanSquaredError" });
      const loss = await model.trainOnBatch(image(1, 9, 8, 4), tf.zeros([1, 7, 6, 2]));
      return { model, loss: Number(loss) };
    };
    const plain = await lossOf({});
    const penalised = await lossOf({
      kernelRegularizer: tf.regularizers.l2({ l2: 0.1 }),
      biasRegularizer: tf.regularizers.l1({ l1: 0.2 }),
      sigmaRegularizer: tf.regularizers.l2({ l2: 0.3 }),
    });
    const [weights, logSigmas, bias] = penalised.model.getWeights();
    const squares = (tensor: tf.Tensor) => tensor.square().sum().dataSync()[0];
    const penalty = 0.1 * squares(weights) + 0.2 * bias.abs().sum().dataSync()[0] + 0.3 * squares(logSigmas);
    expect(penalised.loss - plain.loss).toBeCloseTo(penalty, 4);
  });

  it("keeps its constraints when weights are set, as stock layers do", () => {
    const model = modelOf({
      filters: 2,
      kernelSize: 3,
      kernelConstraint: "nonNeg",
      biasConstraint: tf.constraints.maxNorm({ maxValue: 1 }),
    });
    model.setWeights([tf.fill([2, 4, 2], -1), tf.fill([2], -1), tf.tensor1d([3, 4])]);
    const [weights, logSigmas, bias] = model.getWeights();
    expect(weights.abs().max().dataSync()[0]).toBe(0);
    expect(Array.from(logSigmas.dataSync())).toEqual([-1, -1]);
    expect(Array.from(bias.dataSync())).toEqual([expect.closeTo(0.6, 4), expect.closeTo(0.8, 4)]);
  });

  it("accepts a custom initialiser", () => {
    class Twos extends tf.serialization.Serializable {
      static readonly className = "Twos";
      apply(shape: tf.Shape): tf.Tensor {
        return tf.fill(shape.map(Number), 2);
      }
      fromConfigUsesCustomObjects(): boolean {
        return false;
      }
      getConfig(): tf.serialization.ConfigDict {
        return {};
      }
    }
    const args: GmrConvArgs = {
      filters: 1,
      kernelSize: 3,
      kernelInitializer: new Twos(),
      ringBasis: "rings",
    };
    const [weights] = modelOf(args).getWeights();
    expect(Array.from(weights.dataSync())).toEqual(new Array(8).fill(2));
  });
});

describe("rejects", () => {
  const args = { filters: 2, kernelSize: 3 };
  it.each<[string, string, object]>([
    ["invalid-argument", "filters must be a positive integer, got undefined", { filters: undefined }],
    ["invalid-argument", "filters must be a positive integer, got 0", { filters: 0 }],
    ["invalid-argument", "kernelSize must be an odd positive integer, got 2", { kernelSize: 2 }],
    ["invalid-argument", "strides must be a positive integer, got 0", { strides: 0 }],
    ["invalid-argument", "dilationRate must be a positive integer, got NaN", { dilationRate: Number.NaN }],
    ["invalid-argument", "groups must be a positive integer, got 0", { groups: 0 }],
    ["invalid-argument", "numRings must be a positive integer, got 0", { numRings: 0 }],
    [
      "invalid-argument",
      'strategy must be one of "ring", "dense", "auto", got "quick"',
      { strategy: "quick" },
    ],
    [
      "invalid-argument",
      'kernelInitializer is not known to TensorFlow.js: "kaiming"',
      { kernelInitializer: "kaiming" },
    ],
    [
      "invalid-argument",
      'biasRegularizer is not known to TensorFlow.js: "zeros"',
      { biasRegularizer: "zeros" },
    ],
    [
      "invalid-argument",
      "kernelConstraint is not known to TensorFlow.js: a value of type Object",
      { kernelConstraint: { className: "Nothing", config: {} } },
    ],
    [
      "invalid-argument",
      'pad must be "same", "valid", a number or one number per axis, got "causal"',
      { padding: "causal" },
    ],
    [
      "invalid-argument",
      'padMode must be one of zeros, reflect, replicate, circular, got "mirror"',
      { padMode: "mirror" },
    ],
    ["invalid-argument", "seed must be an integer of at least 0, got -1", { seed: -1 }],
  ])("%s: %s", (code, message, option) =>
    expectGmrError(() => create({ ...args, ...option }), code, message),
  );

  it("groups that do not divide the channels", () =>
    expectGmrError(
      () => gmrConv2dLayer({ ...args, groups: 3, filters: 3, name: "g" }).apply(image(1, 5, 5, 4)),
      "invalid-shape",
      "groups (3) of layer g must divide the 4 input channels and 3 filters",
    ));

  it("inputs of unknown channels", () =>
    expectGmrError(
      () => gmrConv2dLayer({ ...args, name: "g" }).build([null, 5, 5, null]),
      "invalid-shape",
      "layer g needs inputs [N, H, W, C] with C known, got [null, 5, 5, null]",
    ));

  it("several inputs", () =>
    expectGmrError(
      () =>
        gmrConv2dLayer(args).build([
          [null, 5, 5, 1],
          [null, 5, 5, 1],
        ]),
      "invalid-shape",
      "expected one input, got [[null, 5, 5, 1], [null, 5, 5, 1]]",
    ));
});

it("prints no warnings", () => {
  const warn = vi.spyOn(console, "warn");
  modelOf({ filters: 2, kernelSize: 3 }).predict(image(1, 9, 8, 4));
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});
