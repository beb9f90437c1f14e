import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { checkEquivariance } from "../equivariance/index.ts";
import { convertToGmr, foldModel } from "../graph/index.ts";
import { symmetricPool, symmetricPooling } from "./index.ts";

beforeAll(async () => {
  await tf.setBackend("cpu");
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

type Sides = readonly (number | null)[];
type Symbolic = tf.SymbolicTensor;

function poolModel(sides: Sides, pooling: "average" | "max", stride: number): tf.LayersModel {
  const input = tf.input({ shape: [...sides, 2] });
  const strides = sides.map((_, i) => (i === 1 ? 1 : stride));
  return tf.model({ inputs: input, outputs: symmetricPool(input, { name: "pool", pooling, strides }) });
}

it("keeps every symmetry on sides of any parity, in one to three dimensions", async () => {
  const pooling = fc.constantFrom("average" as const, "max" as const);
  const sides = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(sides, pooling, fc.integer({ min: 1, max: 4 }), async (sizes, kind, stride) => {
      const layer = symmetricPooling({ pooling: kind, strides: sizes.map(() => stride) });
      const { exact } = await checkEquivariance(layer, { inputShape: [...sizes, 2], angles: [] });
      expect(exact.worst).toBeLessThan(1e-6);
      expect(exact.skipped).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

it("computes the same whether sizes are known or not, folded and loaded", async () => {
  for (const pooling of ["average", "max"] as const) {
    for (const sides of [[7], [7, 8], [5, 4, 6]]) {
      const known = poolModel(sides, pooling, 2);
      const open = poolModel(
        sides.map(() => null),
        pooling,
        2,
      );
      expect(known.layers[1].getClassName()).toMatch(/^(Average|Max)Pooling\dD$/);
      expect(open.layers[1].getClassName()).toBe("SymmetricPooling");
      const x = tf.randomNormal([2, ...sides, 2], 0, 1, "float32", 1);
      const y = known.predict(x) as tf.Tensor;
      expect(y.shape).toEqual([2, ...sides.map((n, i) => (i === 1 ? n : Math.ceil(n / 2))), 2]);
      expect(y.shape.slice(1)).toEqual(known.outputs[0].shape.slice(1));
      const again = await tf.models.modelFromJSON(JSON.parse(open.toJSON() as string));
      for (const model of [open, again]) {
        expect(await (model.predict(x) as tf.Tensor).data()).toEqual(await y.data());
      }
    }
  }
});

it("folds to a stock layer if sizes are known, else says what prevents it", () => {
  const model = (sides: Sides) => {
    const input = tf.input({ shape: [...sides, 2] });
    const layer = symmetricPooling({ name: "halve", strides: [2, 2] });
    return tf.model({ inputs: input, outputs: layer.apply(input) as Symbolic });
  };
  const folded = foldModel(model([7, 6]));
  expect(folded.layers[1].getConfig()).toMatchObject({ name: "halve", poolSize: [3, 2], strides: [2, 2] });
  expectGmrError(
    () => foldModel(model([null, 6])),
    "unsupported",
    "layer halve needs inputs of known size to become a stock layer, since its windows depend on it, " +
      "got [null, null, 6, 2]: build the model for images of one size",
  );
});

it.each([2, 3])("a model of unknown sizes, strides %i, is invariant once converted", async (strides) => {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [null as never, null as never, 1],
        filters: 3,
        kernelSize: 3,
        strides,
        padding: "same",
        activation: "relu",
      }),
      tf.layers.conv2d({ filters: 3, kernelSize: 3, strides, padding: "valid" }),
      tf.layers.globalAveragePooling2d({}),
    ],
  });
  const { model: gmr } = convertToGmr(model, { seed: 1 });
  for (const inputShape of [
    [31, 31, 1],
    [30, 30, 1],
    [17, 26, 1],
  ]) {
    const { exact } = await checkEquivariance(gmr, { inputShape, angles: [] });
    expect(exact.elements).toHaveLength(8);
    expect(exact.worst).toBeLessThan(1e-5);
  }
});

it.each([
  ["invalid-argument", 'pooling must be "average" or "max", got "mean"', { pooling: "mean", strides: [2] }],
  ["invalid-argument", "strides[1] must be a positive integer, got 0", { strides: [2, 0] }],
  [
    "invalid-argument",
    "strides must be a list of one to three numbers, one for each spatial axis, got 2",
    { strides: 2 },
  ],
])("%s: %s", (code, message, args) => {
  expectGmrError(() => symmetricPooling(args as never), code, message);
});

it("names the layer whose input has another rank", () => {
  const layer = symmetricPooling({ name: "halve", strides: [2, 2] });
  expectGmrError(
    () => layer.apply(tf.input({ shape: [8, 2] })),
    "invalid-shape",
    "layer halve needs inputs [N, ...2 spatial axes, C], got [null, 8, 2]",
  );
});
