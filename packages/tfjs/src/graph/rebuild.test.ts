import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { expectClose, expectSameOutputs, noise, outputsOf } from "../../testing/compareModels.ts";
import { fusedBatchNormalization, gmrConv2dLayer } from "../layers/index.ts";
import { rebuildModel } from "./rebuild.ts";

type Symbolic = tf.SymbolicTensor;
const L = tf.layers;

beforeAll(() => tf.setBackend("cpu"));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const on = (x: Symbolic | Symbolic[], layer: tf.layers.Layer, kwargs?: Record<string, unknown>) =>
  layer.apply(x, kwargs) as Symbolic;

function functional(): tf.LayersModel {
  const [a, b] = ["a", "b"].map((name) => tf.input({ shape: [6, 6, 2], name }));
  const shared = gmrConv2dLayer({
    filters: 3,
    kernelSize: 3,
    padding: "same",
    trainSigma: false,
    name: "shared",
  });
  const [left, right] = [a, b].map((x) => on(x, shared));
  const joined = on([left, right, left], L.concatenate({ name: "join" }));
  const normed = on(joined, fusedBatchNormalization({ name: "norm" }));
  return tf.model({ inputs: [a, b], outputs: [on(normed, L.flatten()), right], name: "functional" });
}

function nested(): tf.LayersModel {
  const stack = (name: string, ...layers: tf.layers.Layer[]) => tf.sequential({ name, layers });
  const inner = stack(
    "inner",
    L.dense({ units: 4, inputShape: [4], activation: "tanh", name: "inner_dense" }),
  );
  const innermost = stack("innermost", L.dense({ units: 4, inputShape: [4], name: "innermost_dense" }));
  const outer = stack("outer", L.dense({ units: 4, inputShape: [3], name: "first" }), innermost);
  const [a, b] = [tf.input({ shape: [3] }), tf.input({ shape: [4] })];
  return tf.model({ inputs: [a, b], outputs: on([on(on(a, outer), inner), on(b, inner)], L.add()) });
}

function sequential(): tf.LayersModel {
  return tf.sequential({
    name: "stack",
    layers: [
      gmrConv2dLayer({ filters: 2, kernelSize: 3, inputShape: [6, 6, 1], kernelConstraint: "maxNorm" }),
      L.timeDistributed({ layer: L.dense({ units: 3 }) }),
      L.flatten(),
    ],
  });
}

function recurrent(): tf.LayersModel {
  const input = tf.input({ shape: [5, 3] });
  const masked = on(input, L.masking({ maskValue: 0 }));
  const lstm = L.lstm({ units: 2, returnState: true, returnSequences: true });
  const [sequence, h, c] = lstm.apply(masked) as Symbolic[];
  return tf.model({ inputs: input, outputs: on(sequence, L.lstm({ units: 2 }), { initialState: [h, c] }) });
}

function bidirectional(): tf.LayersModel {
  const layer = L.gru({ units: 2 }) as tf.RNN;
  return tf.sequential({ layers: [L.bidirectional({ layer, mergeMode: "concat", inputShape: [5, 3] })] });
}

function deep(): tf.LayersModel {
  const input = tf.input({ shape: [4] });
  let x = input;
  for (let i = 0; i < 600; i++) x = on(x, L.activation({ activation: "relu" }));
  return tf.model({ inputs: input, outputs: on(x, L.dense({ units: 2 })) });
}

const MODELS: [string, () => tf.LayersModel, () => tf.Tensor[]][] = [
  [
    "shared layers, several inputs and outputs",
    functional,
    () => [noise([2, 6, 6, 2], 1), noise([2, 6, 6, 2], 2)],
  ],
  ["nested models, one of them shared", nested, () => [noise([2, 3], 1), noise([2, 4], 2)]],
  ["a sequential model, a wrapper and a constraint", sequential, () => [noise([2, 6, 6, 1], 1)]],
  ["several outputs of a layer, states, masks", recurrent, () => [noise([2, 5, 3], 1)]],
  ["both directions", bidirectional, () => [noise([2, 5, 3], 1)]],
  ["a deep graph", deep, () => [noise([2, 4], 1)]],
  [
    "an input that is an output",
    () => {
      const input = tf.input({ shape: [2] });
      return tf.model({ inputs: input, outputs: [input, on(input, L.dense({ units: 1 }))] });
    },
    () => [noise([2, 2], 1)],
  ],
];

describe.each(MODELS)("%s", (_, make, inputs) => {
  const given = (): tf.Tensor | tf.Tensor[] => {
    const x = inputs();
    return x.length === 1 ? x[0] : x;
  };

  it("computes the same with the same names", () => {
    const model = make();
    const rebuilt = rebuildModel(model);
    expectSameOutputs(rebuilt, model, given(), 0);
    expect(rebuilt.name).toBe(model.name);
    const weights = (of: tf.LayersModel) => of.weights.map((w) => [w.originalName, w.shape, w.trainable]);
    expect(weights(rebuilt).sort()).toEqual(weights(model).sort());
  });

  it("leaves the original unchanged, and owns its weights", () => {
    const model = make();
    const x = given();
    const expected = outputsOf(model, x);
    const rebuilt = rebuildModel(model);
    for (const weight of model.weights) weight.write(tf.zeros(weight.shape as number[]));
    const zeroed = outputsOf(model, x);
    model.dispose();
    outputsOf(rebuilt, x).forEach((y, i) => {
      expectClose(y, expected[i], 0);
    });
    const other = make();
    const copy = rebuildModel(other);
    const before = outputsOf(other, x);
    copy.dispose();
    outputsOf(other, x).forEach((y, i) => {
      expectClose(y, before[i], 0);
    });
    expect(zeroed.length).toBe(expected.length);
  });

  it("creates no tensors but its weights", () => {
    const model = make();
    const before = tf.memory().numTensors;
    const rebuilt = rebuildModel(model);
    expect(tf.memory().numTensors - before).toBe(new Set(rebuilt.weights).size);
  });
});

it("keeps which layers, weights and models are trained", () => {
  const input = tf.input({ shape: [4] });
  const frozen = L.dense({ units: 4, name: "frozen", trainable: false });
  const partly = L.dense({ units: 4, name: "partly" });
  const still = tf.sequential({ layers: [L.dense({ units: 4, inputShape: [4], name: "inside" })] });
  const model = tf.model({ inputs: input, outputs: on(on(on(input, frozen), partly), still) });
  still.trainable = false;
  partly.weights[0].trainable = false;
  const rebuilt = rebuildModel(model);
  const trained = (of: tf.LayersModel) => of.trainableWeights.map((weight) => weight.originalName);
  expect(trained(rebuilt)).toEqual(["partly/bias"]);
  expectSameOutputs(rebuilt, model, noise([2, 4], 1), 0);
});

it("keeps the user's metadata", () => {
  const model = sequential();
  model.setUserDefinedMetadata({ classes: "cat,dog" });
  expect(rebuildModel(model).getUserDefinedMetadata()).toEqual({ classes: "cat,dog" });
});

describe("replaces", () => {
  it("calls, with unique names", () => {
    const model = functional();
    const rebuilt = rebuildModel(model, ({ layer }, inputs, name) => {
      if (layer.name !== "shared") return undefined;
      const first = on(inputs[0], L.conv2d({ filters: 3, kernelSize: 1, name: name() }));
      return [on(first, L.activation({ activation: "relu", name: name("norm") }))];
    });
    expect(rebuilt.layers.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["shared", "shared_1", "norm", "norm_1", "norm_2"]),
    );
  });

  it("in nested models, and omits calls", () => {
    const model = nested();
    const rebuilt = rebuildModel(model, ({ layer }, inputs) =>
      layer.name === "inner_dense" ? inputs : undefined,
    );
    const [x, y] = [noise([2, 3], 1), noise([2, 4], 2)];
    const [kernel, bias, nextKernel, nextBias] = ["first", "innermost_dense"].flatMap((name) =>
      model.getWeights().filter((_, i) => model.weights[i].originalName.startsWith(`${name}/`)),
    );
    const expected = x.matMul(kernel).add(bias).matMul(nextKernel).add(nextBias).add(y);
    expectClose(rebuilt.predict([x, y]) as tf.Tensor, expected);
  });

  it.each([
    ["norm", "weight norm/gamma [9] does not fit the new inputs of layer norm, which need [18]"],
    ["nested", "layer nested does not fit its new inputs [[null, 6, 6, 18]]"],
    ["conv", "layer conv does not fit its new inputs [[null, 324]]"],
  ])("and names the layer that does not fit: %s", async (which, message) => {
    const input = tf.input({ shape: [6, 6, 9] });
    const front = L.activation({ activation: "relu", name: "front" });
    const layers: Record<string, tf.layers.Layer> = {
      norm: fusedBatchNormalization({ name: "norm" }),
      nested: tf.sequential({ name: "nested", layers: [L.flatten({ inputShape: [6, 6, 9] })] }),
      conv: L.conv2d({ filters: 1, kernelSize: 1, name: "conv" }),
    };
    const model = tf.model({ inputs: input, outputs: on(on(input, front), layers[which]) });
    const other = (x: Symbolic) => (which === "conv" ? on(x, L.flatten()) : on([x, x], L.concatenate()));
    const changed = () =>
      rebuildModel(model, ({ layer }, inputs) => (layer.name === "front" ? [other(inputs[0])] : undefined));
    await expectGmrError(changed, "invalid-shape", message);
  });
});
