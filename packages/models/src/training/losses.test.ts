import { useWasm } from "@gmr-conv/backend-wasm";
import { product, Random } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import { type CrossEntropyOptions, softmaxCrossEntropy } from "./crossEntropy.ts";
import { type DiceCrossEntropyOptions, type DiceOptions, diceCrossEntropy, diceLoss } from "./dice.ts";
import { accuracy, diceScore, intersectionOverUnion } from "./metrics.ts";

/** Logits and labels of `images` images of `positions` positions each, [image][position][class]. */
interface Problem {
  images: number;
  sizes: number[];
  classes: number;
  logits: number[];
  labels: number[];
}

const positionsOf = ({ sizes }: Problem): number => product(sizes);

/** Share of class k at position n (over all images); zeros where the label is ignored. */
function target({ labels, classes }: Problem, n: number, ignoreLabel?: number): number[] {
  return Array.from({ length: classes }, (_, k) => (labels[n] === k && k !== ignoreLabel ? 1 : 0));
}

function softmax({ classes }: Problem, logits: number[], n: number): number[] {
  const row = logits.slice(n * classes, (n + 1) * classes);
  const largest = Math.max(...row);
  const sum = row.reduce((a, z) => a + Math.exp(z - largest), 0);
  return row.map((z) => Math.exp(z - largest) / sum);
}

/** The mean over positions, in float64. */
function crossEntropyReference(problem: Problem, logits: number[], options: CrossEntropyOptions): number {
  const { labels, classes } = problem;
  const { labelSmoothing = 0, classWeights = new Array(classes).fill(1), ignoreLabel } = options;
  let loss = 0;
  let total = 0;
  labels.forEach((label, n) => {
    if (label === ignoreLabel) return;
    total += classWeights[label];
    softmax(problem, logits, n).forEach((p, k) => {
      const t = (k === label ? 1 - labelSmoothing : 0) + labelSmoothing / classes;
      loss -= classWeights[k] * t * Math.log(p);
    });
  });
  return total === 0 ? 0 : loss / total;
}

function diceReference(problem: Problem, logits: number[], options: DiceOptions): number {
  const { images, classes } = problem;
  const { smooth = 1e-5, includeBackground = true, perImage = true, ignoreLabel } = options;
  const positions = positionsOf(problem);
  const ratios: number[] = [];
  const groups = perImage ? images : 1;
  for (let group = 0; group < groups; group++) {
    for (let k = includeBackground ? 0 : 1; k < classes; k++) {
      let common = 0;
      let sizes = 0;
      const count = (images / groups) * positions;
      for (let n = group * count; n < (group + 1) * count; n++) {
        if (problem.labels[n] === ignoreLabel) continue;
        const p = softmax(problem, logits, n)[k];
        const t = target(problem, n)[k];
        common += p * t;
        sizes += p * p + t * t;
      }
      ratios.push((2 * common + smooth) / (sizes + smooth));
    }
  }
  return 1 - ratios.reduce((a, b) => a + b) / ratios.length;
}

const problem = (sizes: fc.Arbitrary<number[]>): fc.Arbitrary<Problem> =>
  fc
    .record({
      images: fc.integer({ min: 1, max: 3 }),
      sizes,
      classes: fc.integer({ min: 2, max: 5 }),
      seed: fc.nat(),
    })
    .map(({ images, sizes, classes, seed }) => {
      const random = new Random(seed);
      const count = images * product(sizes);
      return {
        images,
        sizes,
        classes,
        logits: Array.from({ length: count * classes }, () => Math.fround(3 * random.normal())),
        labels: Array.from({ length: count }, () => random.int(classes)),
      };
    });
const noSizes = fc.constant<number[]>([]);
const someSizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 });
const option = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const crossEntropyOptions: fc.Arbitrary<CrossEntropyOptions> = fc.record({
  labelSmoothing: option(fc.double({ min: 0, max: 0.9, noNaN: true })),
  classWeights: fc.constant(undefined),
  ignoreLabel: option(fc.constantFrom(0, 1, 255)),
});
const diceOptions: fc.Arbitrary<DiceOptions> = fc.record({
  smooth: option(fc.double({ min: 1e-3, max: 2, noNaN: true })),
  includeBackground: option(fc.boolean()),
  perImage: option(fc.boolean()),
  ignoreLabel: option(fc.constantFrom(0, 1, 255)),
});
const weights = fc.array(fc.double({ min: 0.1, max: 3, noNaN: true }), { minLength: 5, maxLength: 5 });

const shapeOf = ({ images, sizes, classes }: Problem): number[] => [images, ...sizes, classes];
const labelsOf = ({ labels, images, sizes }: Problem): tf.Tensor =>
  tf.tensor(labels, [images, ...sizes], "int32");

/** A loss and its gradient against a float64 reference and its central differences. */
function check(
  problem: Problem,
  loss: (logits: tf.Tensor, labels: tf.Tensor) => tf.Scalar,
  reference: (logits: number[]) => number,
): void {
  const before = tf.memory().numTensors;
  const [value, gradient] = tf.tidy(() => {
    const labels = labelsOf(problem);
    const x = tf.tensor(problem.logits, shapeOf(problem));
    const { value, grad } = tf.valueAndGrad((z) => loss(z as tf.Tensor, labels))(x);
    return [value, grad].map((tensor) => Array.from(tensor.dataSync()));
  });
  expect(value[0]).toBeCloseTo(reference(problem.logits), 4);
  const step = 1e-5;
  problem.logits.forEach((z, i) => {
    const at = (moved: number): number => reference(problem.logits.with(i, moved));
    expect(Math.abs(gradient[i] - (at(z + step) - at(z - step)) / (2 * step))).toBeLessThan(2e-5);
  });
  expect(tf.memory().numTensors).toBe(before);
}

describe.each(["wasm", "cpu"])("on %s", (backend) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());
  beforeAll(async () => {
    if (backend === "wasm") await useWasm();
    else await tf.setBackend(backend);
  });

  it("matches the reference and its gradient: softmaxCrossEntropy", () => {
    fc.assert(
      fc.property(
        fc.oneof(problem(noSizes), problem(someSizes)),
        crossEntropyOptions,
        option(weights),
        (p, rest, w) => {
          const options = { ...rest, classWeights: w?.slice(0, p.classes) };
          check(
            p,
            (z, labels) => softmaxCrossEntropy(z, labels, options),
            (z) => crossEntropyReference(p, z, options),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it("matches the reference and its gradient: diceLoss", () => {
    fc.assert(
      fc.property(problem(someSizes), diceOptions, (p, options) => {
        check(
          p,
          (z, labels) => diceLoss(z, labels, options),
          (z) => diceReference(p, z, options),
        );
      }),
      { numRuns: 40 },
    );
  });

  it("is the weighted sum: diceCrossEntropy", () => {
    const options: DiceCrossEntropyOptions = {
      diceWeight: 0.7,
      crossEntropyWeight: 2,
      labelSmoothing: 0.1,
      includeBackground: false,
    };
    fc.assert(
      fc.property(problem(someSizes), (p) => {
        check(
          p,
          (z, labels) => diceCrossEntropy(z, labels, options),
          (z) => 0.7 * diceReference(p, z, options) + 2 * crossEntropyReference(p, z, options),
        );
      }),
      { numRuns: 10 },
    );
  });

  it("takes shares of the classes: one-hot labels give the same", () => {
    fc.assert(
      fc.property(problem(someSizes), (p) => {
        tf.tidy(() => {
          const z = tf.tensor(p.logits, shapeOf(p));
          const labels = labelsOf(p);
          const shares = tf.oneHot(labels, p.classes).cast<tf.Tensor>("float32");
          for (const loss of [softmaxCrossEntropy, diceLoss]) {
            expect(loss(z, shares).dataSync()).toEqual(loss(z, labels).dataSync());
          }
        });
      }),
      { numRuns: 10 },
    );
    const half = softmaxCrossEntropy(tf.tensor2d([[1, 3]]), tf.tensor2d([[0.5, 0.5]]));
    expect(half.dataSync()[0]).toBeCloseTo(1 + Math.log(Math.exp(-1) + Math.exp(1)) - 1, 5);
  });

  it("is 0 without a gradient if everything is ignored", () => {
    const labels = tf.fill([1, 2, 2], 255, "int32");
    const z = tf.linspace(-1, 1, 12).reshape([1, 2, 2, 3]);
    const options = { ignoreLabel: 255 };
    const { value, grad } = tf.valueAndGrad((x) => diceCrossEntropy(x as tf.Tensor, labels, options))(z);
    expect(value.dataSync()[0]).toBe(0);
    expect(Math.max(...grad.abs().dataSync())).toBe(0);
    expect(accuracy(z, labels, options).dataSync()[0]).toBeNaN();
  });

  it("counts a class as right if everything is ignored, with or without smoothing", () => {
    const labels = tf.tensor3d([255, 255, 255, 255, 0, 1, 255, 2], [2, 2, 2], "int32");
    const z = tf.linspace(-1, 1, 24).reshape([2, 2, 2, 3]);
    for (const smooth of [0, 1e-5, 1]) {
      const { value, grad } = tf.valueAndGrad((x) =>
        diceLoss(x as tf.Tensor, labels, { ignoreLabel: 255, smooth }),
      )(z);
      const second = diceLoss(z.slice([1]), labels.slice([1]), { ignoreLabel: 255, smooth });
      expect(value.dataSync()[0]).toBeCloseTo(second.dataSync()[0] / 2, 5);
      expect(grad.slice([0], [1]).abs().max().dataSync()[0]).toBe(0);
      expect(Number.isFinite(grad.sum().dataSync()[0])).toBe(true);
    }
  });

  const infinity = Number.POSITIVE_INFINITY;
  it.each<[string, number[], number, number, number[]]>([
    ["a class masked out", [1, -infinity, 1], 0, Math.log(2), [-0.5, 0, 0.5]],
    ["a masked class as label", [1, -infinity, 1], 1, infinity, [0.5, -1, 0.5]],
    ["all other classes masked out", [-infinity, 3, -infinity], 1, 0, [0, 0, 0]],
    ["a certain class", [1, infinity, 2], 1, 0, [0, 0, 0]],
    ["a class other than the certain one", [1, infinity, 2], 2, infinity, [0, 1, -1]],
    ["two certain classes", [infinity, 5, infinity], 2, Math.log(2), [0.5, 0, -0.5]],
    ["far apart", [1e30, 0, -1e30], 0, 0, [0, 0, 0]],
  ])("takes infinite logits to the limit: %s", (_, logits, label, loss, gradient) => {
    const labels = tf.tensor1d([label, 255], "int32");
    // The second position is ignored, whatever its logits.
    const z = tf.tensor2d([...logits, Number.NaN, infinity, -infinity], [2, 3]);
    const options = { ignoreLabel: 255 };
    const { value, grad } = tf.valueAndGrad((x) => softmaxCrossEntropy(x as tf.Tensor, labels, options))(z);
    expect(value.dataSync()[0]).toBeCloseTo(loss, 5);
    Array.from(grad.dataSync()).forEach((g, i) => {
      expect(g).toBeCloseTo([...gradient, 0, 0, 0][i], 5);
    });
    const maps = [1, 2, 1, 3];
    const dice = tf.valueAndGrad((x) => diceLoss(x as tf.Tensor, labels.reshape([1, 2, 1]), options))(
      z.reshape(maps),
    );
    expect(Number.isFinite(dice.value.dataSync()[0])).toBe(true);
    expect(dice.grad.isFinite().all().dataSync()[0]).toBe(1);
  });

  it("is NaN where no class is possible, and recognises no class in NaN", () => {
    const labels = tf.tensor1d([0, 0, 1, 255], "int32");
    const z = tf.tensor2d([NaN, NaN, NaN, 1, 1, NaN, 3, 1, 0, NaN, 0, 0], [4, 3]);
    const options = { ignoreLabel: 255 };
    expect(accuracy(z, labels, options).dataSync()[0]).toBe(0);
    expect(accuracy(z.slice([2]), labels.slice([2]), options).dataSync()[0]).toBe(0);
    expect(accuracy(z.slice([2], [1]), tf.tensor1d([0], "int32")).dataSync()[0]).toBe(1);
    const scores = diceScore(z.reshape([1, 4, 3]), labels.reshape([1, 4]), options);
    expect(Array.from(scores.dataSync())).toEqual([0, 0, NaN]);
    expect(softmaxCrossEntropy(z, labels, options).dataSync()[0]).toBeNaN();
    const masked = tf.fill([1, 3], -infinity);
    expect(softmaxCrossEntropy(masked, tf.tensor1d([0], "int32")).dataSync()[0]).toBeNaN();
  });

  it.each<[string, number[], number | undefined, string]>([
    [
      "a mask of 0 and 255",
      [0, 255, 255, 0],
      undefined,
      "labels must be class indices in [0, 2), got 255 at [0, 0, 1] (2 of 4 labels): " +
        "a mask of 0 and 255? Divide it by 255",
    ],
    [
      "the value that many data sets use for ignored positions",
      [0, 1, 255, 0],
      undefined,
      "labels must be class indices in [0, 2), got 255 at [0, 1, 0] (1 of 4 labels): " +
        "give ignoreLabel: 255 if these are to be ignored",
    ],
    [
      "classes counted from 1",
      [1, 2, 3, 1],
      -100,
      "labels must be class indices in [0, 2) or -100, got 2 at [0, 0, 1] (2 of 4 labels)",
    ],
    [
      "negative labels",
      [0, -1, 1, -1],
      255,
      "labels must be class indices in [0, 2) or 255, got -1 at [0, 0, 1] (2 of 4 labels): " +
        "give ignoreLabel: -1 if these are to be ignored",
    ],
  ])("rejects labels that are not classes: %s", (_, values, ignoreLabel, message) => {
    const labels = tf.tensor3d(values, [1, 2, 2], "int32");
    const z = tf.zeros([1, 2, 2, 2]);
    const { numTensors } = tf.memory();
    for (const use of [
      softmaxCrossEntropy,
      diceLoss,
      diceCrossEntropy,
      accuracy,
      diceScore,
      intersectionOverUnion,
    ]) {
      expectGmrError(() => use(z, labels, { ignoreLabel }), "invalid-data", message);
    }
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it("stays finite for logits far apart", () => {
    const z = tf.tensor2d([[200, -200, 0]]);
    const { value, grad } = tf.valueAndGrad((x) =>
      softmaxCrossEntropy(x as tf.Tensor, tf.tensor1d([1], "int32")),
    )(z);
    expect(value.dataSync()[0]).toBeCloseTo(400, 3);
    expect(Array.from(grad.dataSync())).toEqual([1, -1, 0]);
  });

  it("metrics count positions", () => {
    fc.assert(
      fc.property(
        problem(someSizes),
        fc.boolean(),
        option(fc.constantFrom(0, 255)),
        (p, perImage, ignore) => {
          const before = tf.memory().numTensors;
          const { classes } = p;
          const count = positionsOf(p);
          const best = p.labels.map((_, n) => {
            const row = p.logits.slice(n * classes, (n + 1) * classes);
            return row.indexOf(Math.max(...row));
          });
          const groups = perImage ? p.images : 1;
          const size = (p.images / groups) * count;
          const dice: number[] = [];
          const overlap: number[] = [];
          for (let g = 0; g < groups; g++) {
            for (let k = 0; k < classes; k++) {
              const own = p.labels
                .map((label, n) => ({ label, best: best[n] }))
                .slice(g * size, (g + 1) * size);
              const counted = own.filter(({ label }) => label !== ignore);
              const inBoth = counted.filter((n) => n.label === k && n.best === k).length;
              const inEither = counted.filter((n) => n.label === k || n.best === k).length;
              overlap.push(inBoth / inEither);
              dice.push((2 * inBoth) / (inBoth + inEither));
            }
          }
          const counted = p.labels.flatMap((label, n) =>
            label === ignore ? [] : [label === best[n] ? 1 : 0],
          );
          const right = counted.reduce<number>((a, b) => a + b, 0) / counted.length;
          tf.tidy(() => {
            const z = tf.tensor(p.logits, shapeOf(p));
            const options = { perImage, ignoreLabel: ignore };
            const near = (tensor: tf.Tensor, expected: number[]) => {
              expect(Array.from(tensor.dataSync(), (v) => Number(v.toFixed(5)))).toEqual(
                expected.map((v) => Number(v.toFixed(5))),
              );
            };
            near(diceScore(z, labelsOf(p), options), dice);
            near(intersectionOverUnion(z, labelsOf(p), options), overlap);
            near(accuracy(z, labelsOf(p), { ignoreLabel: ignore }), [right]);
          });
          expect(tf.memory().numTensors).toBe(before);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("bad arguments", () => {
  const z = () => tf.zeros([2, 3, 4]);
  const labels = () => tf.zeros([2, 3], "int32");
  const cases: [string, () => unknown, string, string][] = [
    [
      "labels of other sizes",
      () => softmaxCrossEntropy(z(), tf.zeros([2, 2], "int32")),
      "invalid-shape",
      "labels must have shape [2,3] (class indices) or [2,3,4] (shares of the classes), got [2,2]",
    ],
    [
      "labels of another dtype",
      () => diceLoss(z(), tf.zeros([2, 3])),
      "invalid-argument",
      "labels [2,3] must have dtype int32, got float32",
    ],
    [
      "logits without classes",
      () => accuracy(tf.zeros([3]), tf.scalar(0, "int32")),
      "invalid-shape",
      "logits must have shape [N, ..., classes] and not be empty, got [3]",
    ],
    [
      "smoothing",
      () => softmaxCrossEntropy(z(), labels(), { labelSmoothing: 1 }),
      "invalid-argument",
      "labelSmoothing must lie in [0, 1), got 1",
    ],
    [
      "class weights",
      () => softmaxCrossEntropy(z(), labels(), { classWeights: [1, 2, -1, 1] }),
      "invalid-argument",
      "classWeights must be 4 numbers of at least 0, one for each class, got [1, 2, -1, 1]",
    ],
    [
      "a label to ignore among shares",
      () => softmaxCrossEntropy(z(), z(), { ignoreLabel: 0 }),
      "invalid-argument",
      "ignoreLabel must be an integer among labels that are class indices, got 0",
    ],
    [
      "Dice without positions",
      () => diceLoss(tf.zeros([2, 4]), tf.zeros([2], "int32")),
      "invalid-shape",
      "diceLoss needs logits [N, ...sizes, classes] of at least two classes, got [2,4]",
    ],
    [
      "smooth",
      () => diceLoss(z(), labels(), { smooth: -1 }),
      "invalid-argument",
      "smooth must be at least 0, got -1",
    ],
    [
      "weight",
      () => diceCrossEntropy(z(), labels(), { diceWeight: Number.NaN }),
      "invalid-argument",
      "diceWeight must be at least 0, got NaN",
    ],
    [
      "shares for metrics",
      () => diceScore(z(), z()),
      "invalid-shape",
      "metrics need class indices as labels, got shape [2,3,4]",
    ],
  ];
  it.each(cases)("%s", async (_name, action, code, message) => {
    await expectGmrError(() => tf.tidy(() => void action()), code, message);
  });
});
