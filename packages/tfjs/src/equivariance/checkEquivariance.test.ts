import { convGeometry, nearestSymmetricSizes, symmetricAxes } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { gmrConv1dLayer, gmrConv2dLayer, gmrConv3dLayer } from "../layers/index.ts";
import {
  checkEquivariance,
  type EquivarianceOptions,
  type EquivarianceTarget,
  formatEquivariance,
} from "./index.ts";

beforeAll(() => tf.setBackend("cpu"));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const EXACT = 1e-5;

/** Only the symmetries of the grid: fast. */
const gridOnly = (inputShape: number[], options: EquivarianceOptions = {}): EquivarianceOptions => ({
  inputShape,
  angles: [],
  ...options,
});

const dense = (units: number) =>
  tf.layers.dense({ units, kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }) });

const conv2d = (args: Partial<Parameters<typeof tf.layers.conv2d>[0]> = {}) =>
  tf.layers.conv2d({
    filters: 3,
    kernelSize: 3,
    padding: "same",
    kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }),
    ...args,
  });

const globalMean = () => tf.layers.globalAveragePooling2d({ dataFormat: "channelsLast" });

function classifier(first: tf.layers.Layer): tf.Sequential {
  return tf.sequential({ layers: [first, globalMean(), dense(5)] });
}

/** What an untyped caller could pass. */
function check(...args: unknown[]): Promise<unknown> {
  return Reflect.apply(checkEquivariance, undefined, args);
}

describe("feature maps", () => {
  it.each([
    [[12, 12, 2], 5],
    [[11, 11, 1], 3],
    [[9, 12, 2], 3],
    [[8, 13, 1], 7],
  ])("of a GMR convolution turn and mirror exactly: %s", async (inputShape, kernelSize) => {
    const layer = gmrConv2dLayer({ filters: 3, kernelSize, padding: "same", seed: 1 });
    const report = await checkEquivariance(layer, gridOnly(inputShape));
    expect(report).toMatchObject({
      kind: "equivariance",
      inputShape: [2, ...inputShape],
      outputShape: [2, ...inputShape.slice(0, 2), 3],
      angles: null,
    });
    expect(report.exact.elements).toHaveLength(8);
    expect(report.exact).toMatchObject({ skipped: [], ok: true, tolerance: 1e-4 });
    expect(report.exact.worst).toBeLessThanOrEqual(EXACT);
    expect(report.exact.worst).toBe(Math.max(...report.exact.elements.map(({ error }) => error)));
  });

  it("of a dense convolution do not, by quarter turns or by any angle", async () => {
    const report = await checkEquivariance(conv2d(), { inputShape: [16, 16, 1] });
    expect(report.exact.ok).toBe(false);
    expect(report.exact.elements[0]).toEqual({ element: "identity", error: 0 });
    for (const { error } of report.exact.elements.slice(1)) expect(error).toBeGreaterThan(0.05);
    expect(report.angles?.worst).toBeGreaterThan(0.3);
    expect(report.angles?.curve.map(({ angle }) => angle)).toEqual(
      Array.from({ length: 24 }, (_, i) => 15 * i),
    );
  });

  it("of a GMR convolution turn by any angle, up to interpolation", async () => {
    const layer = gmrConv2dLayer({ filters: 3, kernelSize: 5, padding: "same", seed: 1 });
    const { angles } = await checkEquivariance(layer, { inputShape: [31, 31, 2] });
    expect(angles).not.toBeNull();
    for (const { angle, error, interpolation } of angles?.curve ?? []) {
      expect(error).toBeLessThan(angle % 90 === 0 ? EXACT : 0.02);
      expect(interpolation).toBeLessThan(angle % 90 === 0 ? EXACT : 0.03);
    }
    const worst = angles?.curve.find(({ angle }) => angle === angles.worstAngle);
    expect(worst?.error).toBe(angles?.worst);
    expect(angles?.worst).toBeGreaterThan(angles?.mean ?? 1);
  });

  it("count by angles only inside the disc, whose corners turning cannot fill", async () => {
    const report = await checkEquivariance((x) => x.add(3), { inputShape: [16, 16, 1], angles: [45] });
    expect(report.angles?.worst).toBeLessThan(0.01);
    expect(report.angles?.curve[0].interpolation).toBeLessThan(0.05);
  });

  it("may be smaller or larger than the input", async () => {
    const strided = gmrConv2dLayer({ filters: 2, kernelSize: 3, strides: 2, padding: 1, seed: 1 });
    const smaller = await checkEquivariance(strided, { inputShape: [33, 33, 1], angles: [40] });
    expect(smaller.outputShape).toEqual([2, 17, 17, 2]);
    expect(smaller.exact.worst).toBeLessThanOrEqual(EXACT);
    expect(smaller.angles?.worst).toBeLessThan(0.1);
    const resize = (x: tf.Tensor) => tf.image.resizeBilinear(x as tf.Tensor4D, [24, 24], false, true);
    const larger = await checkEquivariance(resize, { inputShape: [16, 16, 1], angles: [40] });
    expect(larger.outputShape).toEqual([2, 24, 24, 1]);
    expect(larger.exact.worst).toBeLessThanOrEqual(EXACT);
    expect(larger.angles?.worst).toBeLessThan(0.1);
  });

  it("of a strided network on the wrong sizes are reported as broken", async () => {
    const network = tf.sequential({
      layers: [
        gmrConv2dLayer({
          filters: 4,
          kernelSize: 3,
          strides: 2,
          padding: 1,
          inputShape: [13, 13, 1],
          seed: 1,
        }),
        gmrConv2dLayer({ filters: 4, kernelSize: 3, strides: 2, padding: 1, seed: 2 }),
      ],
    });
    // 13 → 7 → 4: strides divide 12 and 6. 11 → 6 → 3: the second stride does not divide 5.
    expect((await checkEquivariance(network, { angles: [] })).exact.ok).toBe(true);
    const wrong = tf.sequential({
      layers: [
        gmrConv2dLayer({
          filters: 4,
          kernelSize: 3,
          strides: 2,
          padding: 1,
          inputShape: [11, 11, 1],
          seed: 1,
        }),
        gmrConv2dLayer({ filters: 4, kernelSize: 3, strides: 2, padding: 1, seed: 2 }),
      ],
    });
    const { exact } = await checkEquivariance(wrong, { angles: [] });
    expect(exact.ok).toBe(false);
    expect(exact.worst).toBeGreaterThan(0.05);
  });

  it("whose sizes do not turn skip quarter turns, in the exact group and by angles", async () => {
    const layer = gmrConv2dLayer({ filters: 2, kernelSize: 3, strides: [2, 1], padding: 1, seed: 1 });
    const report = await checkEquivariance(layer, { inputShape: [13, 13, 1], angles: [45] });
    expect(report.exact.ok).toBe(true);
    expect(report.exact.skipped).toEqual(
      ["90°", "270°", "mirror, 90°", "mirror, 270°"].map((element) => ({
        element,
        reason: "the output's sizes are then 7×13, not 13×7",
      })),
    );
    expect(report.angles).toBeNull();
  });

  it("too small to compare have no angles", async () => {
    const pool = (x: tf.Tensor) => tf.avgPool(x as tf.Tensor4D, 4, 4, "valid");
    const report = await checkEquivariance(pool, { inputShape: [8, 8, 1], angles: [45] });
    expect(report.exact.ok).toBe(true);
    expect(report.angles).toBeNull();
  });
});

describe("outputs [N, K]", () => {
  it("of a GMR classifier are invariant, those of a dense one are not", async () => {
    const gmr = classifier(
      gmrConv2dLayer({
        filters: 4,
        kernelSize: 5,
        padding: "same",
        seed: 1,
        activation: "relu",
        inputShape: [24, 24, 1],
      }),
    );
    const report = await checkEquivariance(gmr);
    expect(report).toMatchObject({ kind: "invariance", inputShape: [2, 24, 24, 1], outputShape: [2, 5] });
    expect(report.exact.worst).toBeLessThanOrEqual(EXACT);
    expect(report.angles?.worst).toBeLessThan(0.05);
    const plain = await checkEquivariance(
      classifier(conv2d({ activation: "relu", inputShape: [24, 24, 1] })),
    );
    expect(plain.exact.ok).toBe(false);
    expect(plain.exact.worst).toBeGreaterThan(0.05);
    expect(plain.angles?.worst).toBeGreaterThan(0.1);
  });
});

describe("unequal sizes", () => {
  const layer = () => gmrConv2dLayer({ filters: 2, kernelSize: 3, seed: 1, inputShape: [9, 12, 1] });

  it("leave out quarter turns where a model's sizes are fixed", async () => {
    const { exact, angles } = await checkEquivariance(classifier(layer()), { angles: [45] });
    expect(exact.elements.map(({ element }) => element)).toEqual([
      "identity",
      "180°",
      "mirror",
      "mirror, 180°",
    ]);
    expect(exact.skipped).toHaveLength(4);
    expect(exact.skipped[0]).toEqual({ element: "90°", reason: "the model's input is fixed to 9×12" });
    expect(exact.ok).toBe(true);
    expect(angles?.curve).toHaveLength(1);
  });

  it("are swapped where they are open", async () => {
    const open = tf.sequential({ layers: [tf.layers.inputLayer({ inputShape: [null, null, 1] }), layer()] });
    for (const target of [open, layer()]) {
      const { exact } = await checkEquivariance(target, gridOnly([9, 12, 1]));
      expect(exact.elements).toHaveLength(8);
      expect(exact.worst).toBeLessThanOrEqual(EXACT);
    }
  });
});

describe("strides", () => {
  it("preserve symmetry on exactly the sizes of symmetricAxes, which include nearestSymmetricSizes", async () => {
    const padding = fc.constantFrom<"same" | "valid" | number>("same", "valid", 1, 2);
    const size = fc.integer({ min: 9, max: 20 });
    const odd = fc.constantFrom(1, 3, 5);
    await fc.assert(
      fc.asyncProperty(
        size,
        odd,
        fc.integer({ min: 1, max: 4 }),
        padding,
        fc.constantFrom(1, 2),
        async (n, k, s, pad, d) => {
          const args = { filters: 2, kernelSize: k, strides: s, padding: pad, dilationRate: d, seed: 1 };
          const layer = gmrConv2dLayer(args);
          const options = { inputSize: [n, n], kernelSize: k, strides: s, pad, dilations: d };
          const { exact } = await checkEquivariance(layer, gridOnly([n, n, 1]));
          const expected = symmetricAxes(convGeometry(options));
          expect(expected[0]).toBe(expected[1]);
          expect(exact.ok).toBe(expected[0]);
          expect(exact.asymmetries).toEqual(
            expected[0]
              ? []
              : [
                  {
                    layer: layer.name,
                    inputSize: [n, n],
                    strides: [s, s],
                    better: [0, 1].map((axis) => ({ axis, sizes: nearestSymmetricSizes(options, axis) })),
                  },
                ],
          );
          for (const better of exact.asymmetries.flatMap(({ better }) => better[0].sizes)) {
            const again = gmrConv2dLayer(args);
            expect((await checkEquivariance(again, gridOnly([better, better, 1]))).exact.ok).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("are named with sizes that fit, also in nested models and for unknown sizes", async () => {
    const conv = gmrConv2dLayer({
      filters: 2,
      kernelSize: 5,
      strides: 2,
      padding: "same",
      seed: 1,
      name: "halve",
    });
    const pool = tf.layers.maxPooling2d({ poolSize: 2, name: "pool" });
    const inner = tf.sequential({
      layers: [tf.layers.inputLayer({ inputShape: [null as never, null as never, 1] }), conv, pool],
    });
    const input = tf.input({ shape: [null, null, 1] });
    const model = tf.model({ inputs: input, outputs: inner.apply(input) as tf.SymbolicTensor });
    const report = await checkEquivariance(model, gridOnly([32, 32, 1]));
    expect(report.exact.asymmetries).toEqual([
      {
        layer: "halve",
        inputSize: [32, 32],
        strides: [2, 2],
        better: [
          { axis: 0, sizes: [31, 33] },
          { axis: 1, sizes: [31, 33] },
        ],
      },
    ]);
    expect(formatEquivariance(report).replaceAll(/\s+/g, " ")).toContain(
      "halve: its windows are asymmetric on 32×32; H of 31 or 33 would be symmetric; W of 31 or 33 would be symmetric",
    );
    expect((await checkEquivariance(model, gridOnly([31, 31, 1]))).exact.asymmetries).toEqual([]);
    const odd = await checkEquivariance(model, gridOnly([33, 33, 1]));
    expect(odd.exact.asymmetries).toMatchObject([{ layer: "pool", inputSize: [17, 17] }]);
  });
});

describe("signals and volumes", () => {
  const difference = (x: tf.Tensor) => x.sub(x.reverse(1).cumsum(1));

  it("signals have two symmetries", async () => {
    const pool = (x: tf.Tensor) => tf.pool(x as tf.Tensor3D, 3, "avg", "same", 1, 1);
    for (const target of [pool, gmrConv1dLayer({ filters: 2, kernelSize: 5, padding: "same", seed: 1 })]) {
      const { exact, angles } = await checkEquivariance(target, { inputShape: [10, 2] });
      expect(exact.elements.map(({ element }) => element)).toEqual(["identity", "mirror"]);
      expect(exact.worst).toBeLessThanOrEqual(EXACT);
      expect(angles).toBeNull();
    }
    expect((await checkEquivariance(difference, { inputShape: [10, 2] })).exact.ok).toBe(false);
  });

  it("volumes have 48, and turn in three planes", async () => {
    const blur = (x: tf.Tensor) => tf.avgPool3d(x as tf.Tensor5D, 3, 1, "same");
    for (const target of [
      blur,
      gmrConv3dLayer({ filters: 2, kernelSize: 3, padding: "same", ringBasis: "rings", seed: 1 }),
    ]) {
      const { exact, angles } = await checkEquivariance(target, {
        inputShape: [15, 15, 15, 1],
        angles: [30, 90],
      });
      expect(exact.elements).toHaveLength(48);
      expect(exact.worst).toBeLessThanOrEqual(EXACT);
      expect(angles?.curve.map(({ angle, plane }) => `${plane} ${angle}`)).toEqual([
        "HW 30",
        "HW 90",
        "DW 30",
        "DW 90",
        "DH 30",
        "DH 90",
      ]);
      expect(angles?.worst).toBeLessThan(0.1);
    }
  });

  it("a blur in two of three axes turns in their plane alone", async () => {
    const blur = (x: tf.Tensor) => tf.avgPool3d(x as tf.Tensor5D, [1, 7, 7], 1, "same");
    const { exact, angles } = await checkEquivariance(blur, { inputShape: [13, 13, 13, 1], angles: [90] });
    const errors = new Map(exact.elements.map(({ element, error }) => [element, error]));
    expect(errors.get("90° about D")).toBeLessThanOrEqual(EXACT);
    expect(errors.get("90° about H")).toBeGreaterThan(0.05);
    const [hw, dw, dh] = angles?.curve.map(({ error }) => error) ?? [];
    expect(hw).toBeLessThanOrEqual(EXACT);
    expect(Math.min(dw, dh)).toBeGreaterThan(0.05);
  });
});

describe("options", () => {
  const square = (x: tf.Tensor) => x.square();

  it("the report depends on the seed alone", async () => {
    const layer = conv2d();
    const run = (seed: number) => checkEquivariance(layer, { inputShape: [8, 8, 1], angles: [20], seed });
    const first = await run(3);
    expect(await run(3)).toEqual(first);
    expect(await run(4)).not.toEqual(first);
    expect(JSON.parse(JSON.stringify(first))).toEqual(first);
  });

  it("uses the caller's inputs and does not dispose them", async () => {
    const seen: number[][] = [];
    const record = (x: tf.Tensor) => {
      seen.push(Array.from(x.dataSync()));
      return x.mul(1);
    };
    const inputs = tf.tensor([1, 2, 3, 4], [1, 2, 2, 1]);
    const report = await checkEquivariance(record, { inputs, angles: [] });
    expect(report.inputShape).toEqual([1, 2, 2, 1]);
    expect(seen.slice(0, 3)).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
      [2, 4, 1, 3],
    ]);
    expect(inputs.isDisposed).toBe(false);
  });

  it("leaves out mirror images", async () => {
    const { exact } = await checkEquivariance(square, gridOnly([6, 6, 1], { flips: false }));
    expect(exact.elements.map(({ element }) => element)).toEqual(["identity", "90°", "180°", "270°"]);
  });

  it("turns volumes in the planes asked for", async () => {
    const { angles } = await checkEquivariance(square, {
      inputShape: [7, 7, 7, 1],
      planes: ["DW"],
      angles: [30],
    });
    expect(angles?.curve.map(({ plane }) => plane)).toEqual(["DW"]);
  });

  it("applies the tolerance", async () => {
    const off = (x: tf.Tensor) => x.mul(tf.tensor([1, 1.001], [1, 1, 2, 1]));
    const run = (tolerance: number) => checkEquivariance(off, gridOnly([2, 2, 1], { tolerance }));
    expect((await run(1e-2)).exact.ok).toBe(true);
    expect((await run(1e-6)).exact).toMatchObject({ ok: false, tolerance: 1e-6 });
  });
});

describe("targets", () => {
  it("may be models, layers, built or not, and functions, synchronous or not", async () => {
    const model = classifier(conv2d({ inputShape: [6, 6, 1] }));
    const targets: EquivarianceTarget[] = [
      model,
      (x) => model.predict(x) as tf.Tensor,
      async (x) => {
        const y = model.predict(x) as tf.Tensor;
        await y.data();
        return y;
      },
    ];
    const [first, ...others] = await Promise.all(
      targets.map((target) => checkEquivariance(target, { inputShape: [6, 6, 1], angles: [30] })),
    );
    for (const other of others) expect(other).toEqual(first);

    const layer = conv2d();
    const unbuilt = await checkEquivariance(layer, gridOnly([6, 6, 1]));
    expect(layer.built).toBe(true);
    expect(await checkEquivariance(layer, gridOnly([6, 6, 1]))).toEqual(unbuilt);
  });

  it("leave no tensors behind, even if they throw", async () => {
    const model = classifier(conv2d({ inputShape: [6, 6, 1] }));
    const untidy = (x: tf.Tensor) => x.add(1).mul(2).sub(x.square());
    const runs: [EquivarianceTarget, number | undefined][] = [
      [model, undefined],
      [untidy, undefined],
      [(x) => x, undefined],
      [
        async (x) => {
          const half = x.mul(0.5);
          await half.data();
          const y = half.square();
          half.dispose();
          return y;
        },
        undefined,
      ],
      [untidy, 3],
    ];
    for (const [target, throwAt] of runs) {
      let calls = 0;
      const counted: EquivarianceTarget =
        throwAt === undefined
          ? target
          : (x) => {
              const y = untidy(x);
              if (++calls === throwAt) throw new Error("broken");
              return y;
            };
      const before = tf.memory().numTensors;
      const run = checkEquivariance(counted, { inputShape: [6, 6, 1], angles: [30] });
      if (throwAt === undefined) await run;
      else await expect(run).rejects.toThrow("broken");
      expect(tf.memory().numTensors).toBe(before);
    }
    const before = tf.memory().numTensors;
    await expect(
      checkEquivariance(async () => Promise.reject(new Error("late")), { inputShape: [6, 6, 1] }),
    ).rejects.toThrow("late");
    await expect(check((x: tf.Tensor) => [x.add(1), x.add(2)], { inputShape: [6, 6, 1] })).rejects.toThrow();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("errors", () => {
  const same = (x: tf.Tensor) => x.add(0);
  const input = () => tf.input({ shape: [6, 6, 1] });

  it("say what is wrong with the target", async () => {
    const [a, b] = [input(), input()];
    const two = tf.model({ inputs: [a, b], outputs: tf.layers.add().apply([a, b]) as tf.SymbolicTensor });
    await expectGmrError(
      () => checkEquivariance(two),
      "unsupported",
      "the model must have one input and one output, got 2 and 1: pass a function that calls it",
    );
    await expectGmrError(
      () => check(3),
      "invalid-argument",
      "target must be a model, a layer or a function, got 3",
    );
    await expectGmrError(
      () => check(() => 3, { inputShape: [6, 6, 1] }),
      "unsupported",
      "the target must return one tensor, got 3",
    );
    await expectGmrError(
      () => checkEquivariance((x) => x.sum([1, 2, 3]), { inputShape: [6, 6, 1] }),
      "unsupported",
      "the output must be [N, K] or have as many axes as the input [2, 6, 6, 1], got [2]",
    );
    await expectGmrError(
      () => checkEquivariance((x) => x.reshape([1, -1]), { inputShape: [6, 6, 1] }),
      "invalid-shape",
      "the output must have the input's batch size 2, got shape [1, 72]",
    );
    await expectGmrError(
      () => checkEquivariance((x) => x.mul(Number.NaN), { inputShape: [6, 6, 1] }),
      "invalid-data",
      "the target's output must be finite, got NaN or infinite values",
    );
  });

  it("ask for sizes that are stated nowhere", async () => {
    await expectGmrError(
      () => checkEquivariance(same),
      "invalid-argument",
      "inputs or inputShape must be given, the target does not state its input's sizes",
    );
    const open = tf.sequential({ layers: [conv2d({ inputShape: [null, null, 1] })] });
    await expectGmrError(
      () => checkEquivariance(open),
      "invalid-argument",
      "inputs or inputShape must be given, the target leaves sizes open: [null, null, null, 1]",
    );
  });

  it.each<[string, Record<string, unknown>, string, string]>([
    [
      "both inputs",
      { inputShape: [6, 6, 1], inputs: tf.zeros([1, 6, 6, 1]) },
      "invalid-argument",
      "inputs and inputShape must not both be given",
    ],
    [
      "inputs that are no tensor",
      { inputs: [1] },
      "invalid-argument",
      "inputs must be a tensor [N, ...spatial, C], got [1]",
    ],
    [
      "a size",
      { inputShape: [6, 0, 1] },
      "invalid-argument",
      "inputShape's sizes must be a positive integer, got 0",
    ],
    [
      "a rank",
      { inputShape: [6] },
      "invalid-shape",
      "inputs must have one to three spatial axes, got shape [2, 6]",
    ],
    [
      "an angle",
      { inputShape: [6, 6, 1], angles: [Number.NaN] },
      "invalid-argument",
      "angles must be a finite number, got NaN",
    ],
    [
      "angles of signals",
      { inputShape: [6, 1], angles: [30] },
      "invalid-argument",
      "angles must be omitted for signals",
    ],
    [
      "planes of images",
      { inputShape: [6, 6, 1], planes: ["HW"] },
      "invalid-argument",
      "planes must be omitted for inputs with 2 spatial axes",
    ],
    [
      "a plane",
      { inputShape: [6, 6, 6, 1], planes: ["WH"] },
      "invalid-argument",
      'planes must be of HW, DW, DH, got "WH"',
    ],
    [
      "a seed",
      { inputShape: [6, 6, 1], seed: -1 },
      "invalid-argument",
      "seed must be an integer of at least 0, got -1",
    ],
    [
      "a tolerance",
      { inputShape: [6, 6, 1], tolerance: "1" },
      "invalid-argument",
      'tolerance must be a finite number, got "1"',
    ],
  ])("say what is wrong with an option: %s", async (_, options, code, message) => {
    await expectGmrError(() => check(same, options), code, message);
  });
});
