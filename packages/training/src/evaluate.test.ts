import { useWasm } from "@gmr-conv/backend-wasm";
import { datasetOf } from "@gmr-conv/data";
import { r3d } from "@gmr-conv/models";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { evaluate } from "./evaluate.ts";
import { IGNORED } from "./metrics/segmentation.ts";
import { refreshNorms } from "./norms.ts";
import { predict } from "./predict.ts";
import { classifier, discs, segmenter } from "./testing/discs.ts";
import { batchSizeFor, discOf, seenAs, viewBatches } from "./views.ts";

let tensors: number;
beforeAll(async () => {
  await useWasm();
});
beforeEach(() => {
  tensors = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors).toBe(tensors);
});

const dense = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      tf.layers.flatten({ inputShape: [12, 12, 1] }),
      tf.layers.dense({ units: 3, kernelInitializer: tf.initializers.randomNormal({ seed: 4 }) }),
    ],
  });

describe("evaluate", () => {
  it("reads every view, and a GMR network says the same of quarter turns and mirror images", async () => {
    const model = classifier();
    const told: [number, number, string][] = [];
    const result = await evaluate(model, discs(21, 5), {
      rotations: 45,
      flips: true,
      turnedImages: 10,
      batchSize: 4,
      onProgress: (done, total, view) => told.push([done, total, view]),
    });
    expect(result.angles.map(({ angle }) => angle)).toEqual([0, 45, 90, 135, 180, 225, 270, 315]);
    expect(result.flips.map(({ direction }) => direction)).toEqual(["horizontal", "vertical"]);
    expect([result.uprightImages, result.turnedImages]).toEqual([21, 10]);
    expect(told.at(-1)).toEqual([121, 121, "vertical"]);
    expect(told.every(([done], i) => i === 0 || done > told[i - 1][0])).toBe(true);
    const upright = result.angles[0].metrics;
    for (const { metrics } of [...result.angles.filter(({ angle }) => angle % 90 === 0), ...result.flips]) {
      if (!("confusion" in metrics && "confusion" in upright)) throw new Error("no classification");
      expect(metrics.confusion).toEqual(upright.confusion);
      expect(metrics.loss).toBeCloseTo(upright.loss, 4);
    }
    expect(result.turnedConfusion?.flat().reduce((a, b) => a + b, 0)).toBe(80);
    model.dispose();
  });

  it("turns volumes about every axis, or those that are asked for", async () => {
    const model = r3d({
      inputShape: [9, 9, 9, 1],
      classes: 2,
      depths: [1],
      widths: [4],
      kernelSizes: [3],
      stemPool: false,
      seed: 1,
    });
    const images = Float32Array.from({ length: 3 * 729 }, (_, i) => Math.sin(i));
    const volumes = datasetOf({
      name: "volumes",
      images,
      labels: Uint8Array.of(0, 1, 0),
      shape: [9, 9, 9, 1],
      count: 3,
      classNames: ["a", "b"],
    });
    const all = await evaluate(model, volumes, { rotations: 180, flips: true });
    expect(all.angles.map(({ axis, angle }) => `${axis}${angle}`)).toEqual([
      "D0",
      "D180",
      "H0",
      "H180",
      "W0",
      "W180",
    ]);
    expect(all.flips.map(({ direction }) => direction)).toEqual(["horizontal", "vertical", "depth"]);
    const one = await evaluate(model, volumes, { rotations: 180, axes: ["H"] });
    expect(one.angles.map(({ axis }) => axis)).toEqual(["H", "H"]);
    model.dispose();
  });

  it("counts what is inside of the disc only, where masks are asked for so", async () => {
    const model = segmenter(4);
    const masks = discs(4, 2, "segmentation");
    const [whole, disc] = [await evaluate(model, masks), await evaluate(model, masks, { disc: true })];
    expect(disc.upright.score).not.toBe(whole.upright.score);
    const turned = await evaluate(model, masks, { disc: true, rotations: 90 });
    for (const { consistency } of turned.angles) expect(consistency).toBe(1);
    model.dispose();
  });

  it("stops where it is asked to", async () => {
    const model = classifier();
    const signal = { aborted: false };
    const onProgress = () => {
      signal.aborted = true;
    };
    await expectGmrError(
      () => evaluate(model, discs(9, 1), { batchSize: 3, signal, onProgress }),
      "interrupted",
      "the evaluation was stopped",
    );
    model.dispose();
  });
});

describe("views", () => {
  it("hold as many images as fit", () => {
    expect([batchSizeFor([28, 28, 1]), batchSizeFor([224, 224, 3]), batchSizeFor([999, 999, 9])]).toEqual([
      256, 13, 1,
    ]);
  });

  it("standardise before they turn, so that what comes in from outside is the mean", () => {
    const { images } = seenAs(
      new Float32Array(9).fill(0.5),
      Int32Array.of(0),
      [3, 3, 1],
      { kind: "turn", degrees: 45 },
      { normalization: { mean: [0.1], std: [0.2] } },
    );
    expect(images[4]).toBeCloseTo(2, 6);
    expect(Math.abs(images[0])).toBeLessThan(2);
  });

  it("cut the middle out after they turned", () => {
    const images = Float32Array.from({ length: 25 }, (_, i) => i);
    const { images: seen, shape } = seenAs(
      images,
      Int32Array.of(0),
      [5, 5, 1],
      { kind: "turn", degrees: 90 },
      { size: [3, 3] },
    );
    expect(shape).toEqual([3, 3, 1]);
    const middle = [6, 7, 8, 11, 12, 13, 16, 17, 18];
    expect([...seen].map(Math.round).sort((a, b) => a - b)).toEqual(middle);
    expect(Math.round(seen[4])).toBe(12);
    expect([...seen].map(Math.round)).not.toEqual(middle);
  });

  it("move masks with their images, with nothing to say of what comes from outside", () => {
    const labels = Int32Array.of(1, 0, 0, 0, 0, 0, 0, 0, 2);
    const flipped = seenAs(new Float32Array(9), labels, [3, 3, 1], {
      kind: "flip",
      direction: "horizontal",
    });
    expect([...flipped.labels]).toEqual([0, 0, 1, 0, 0, 0, 2, 0, 0]);
    const half = seenAs(new Float32Array(9), labels, [3, 3, 1], { kind: "turn", degrees: 180 });
    expect([...half.labels]).toEqual([2, 0, 0, 0, 0, 0, 0, 0, 1]);
    const slanted = seenAs(new Float32Array(25), new Int32Array(25), [5, 5, 1], {
      kind: "turn",
      degrees: 45,
    });
    expect([slanted.labels[0], slanted.labels[12]]).toEqual([IGNORED, 0]);
  });

  it("show the disc alone", () => {
    expect(Array.from(discOf([4, 4]))).toEqual([0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0]);
    expect(discOf([5, 5, 5]).reduce((a, b) => a + b, 0)).toBe(81);
  });

  it("come in batches, the last one smaller", async () => {
    const seen: number[][] = [];
    for await (const { images, indices } of viewBatches(discs(5, 1), {}, 2)) {
      seen.push([images.shape[0], ...indices]);
      images.dispose();
    }
    expect(seen).toEqual([
      [2, 0, 1],
      [2, 2, 3],
      [1, 4],
    ]);
  });
});

describe("predict", () => {
  const images = async (count: number, task?: "segmentation") =>
    Float32Array.from((await discs(count, 8, task).read(Array.from({ length: count }, (_, i) => i))).images);

  it("gives probabilities; a GMR network the same with and without mirror images and turns", async () => {
    const model = classifier();
    const x = await images(3);
    const alone = await predict(model, x, [12, 12, 1]);
    expect(alone).toHaveLength(9);
    expect(alone.slice(0, 3).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    for (const views of ["flips", "all"] as const) {
      (await predict(model, x, [12, 12, 1], { views })).forEach((p, i) => {
        expect(p).toBeCloseTo(alone[i], 4);
      });
    }
    model.dispose();
  });

  it("averages what a dense network says of the eight views, so that turns no longer matter", async () => {
    const model = dense();
    const x = await images(2);
    const turned = seenAs(x, new Int32Array(2), [12, 12, 1], { kind: "turn", degrees: 90 }).images;
    const mirrored = seenAs(x, new Int32Array(2), [12, 12, 1], {
      kind: "flip",
      direction: "vertical",
    }).images;
    const of = (seen: Float32Array, views: "none" | "flips" | "all") =>
      predict(model, seen, [12, 12, 1], { views });
    const all = await of(x, "all");
    for (const other of [await of(turned, "all"), await of(mirrored, "all")]) {
      other.forEach((p, i) => {
        expect(p).toBeCloseTo(all[i], 5);
      });
    }
    expect(await of(mirrored, "none")).not.toEqual(await of(x, "none"));
    model.dispose();
  });

  it("turns masks back before it averages them", async () => {
    const model = segmenter();
    const x = await images(2, "segmentation");
    const alone = await predict(model, x, [12, 12, 1]);
    expect(alone).toHaveLength(2 * 144 * 2);
    for (const views of ["flips", "all"] as const) {
      (await predict(model, x, [12, 12, 1], { views })).forEach((p, i) => {
        expect(p).toBeCloseTo(alone[i], 4);
      });
    }
    model.dispose();
  });
});

describe("refreshNorms", () => {
  it("sets the moving averages to what the layers see", async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.batchNormalization({ inputShape: [2], momentum: 0.9 }),
        tf.layers.dense({ units: 1 }),
      ],
    });
    const batches = [
      [1, 10, 3, 30],
      [5, 50, 7, 70],
    ];
    const seen = await refreshNorms(
      model,
      batches.map((values) => tf.tensor2d(values, [2, 2])),
    );
    expect(seen).toBe(2);
    const [mean, variance] = ["moving_mean", "moving_variance"].map((name) => {
      const weight = model.weights.find(({ originalName }) => originalName.endsWith(name));
      return Array.from(weight?.read().dataSync() ?? []);
    });
    expect(mean).toEqual([expect.closeTo(4, 4), expect.closeTo(40, 3)]);
    expect(variance).toEqual([expect.closeTo(1, 4), expect.closeTo(100, 2)]);
    await expect(refreshNorms(model, [])).rejects.toThrow("no batches to estimate the statistics from");
    model.dispose();
  });

  it("leaves networks alone that have none, and layers that are frozen", async () => {
    const model = dense();
    expect(await refreshNorms(model, [])).toBe(0);
    model.dispose();
  });
});
