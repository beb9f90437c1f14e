import { describe, expect, it } from "vitest";
import { Classification } from "./classification.ts";
import { meanInterval, wilson } from "./intervals.ts";
import { IGNORED, Segmentation } from "./segmentation.ts";

const PROBABILITIES = [
  [0.7, 0.2, 0.1],
  [0.1, 0.6, 0.3],
  [0.2, 0.5, 0.3],
  [0.25, 0.25, 0.5],
  [0.6, 0.3, 0.1],
  [0.3, 0.3, 0.4],
  [0.05, 0.15, 0.8],
  [0.2, 0.45, 0.35],
  [0.5, 0.1, 0.4],
  [0.1, 0.8, 0.1],
];
const LABELS = [0, 1, 2, 2, 1, 0, 2, 1, 0, 0];

describe("Classification", () => {
  const collected = (): Classification => {
    const images = new Classification(3);
    images.add(LABELS.slice(0, 4), Float32Array.from(PROBABILITIES.slice(0, 4).flat()));
    images.add(LABELS.slice(4), Float32Array.from(PROBABILITIES.slice(4).flat()));
    return images;
  };

  it("agrees with scikit-learn 1.9", () => {
    const metrics = collected().metrics();
    expect(metrics.count).toBe(10);
    expect(metrics.loss).toBeCloseTo(0.9189949682, 6);
    expect(metrics.accuracy).toBeCloseTo(0.6, 9);
    expect(metrics.balancedAccuracy).toBeCloseTo(0.6111111111, 9);
    expect(metrics.f1).toBeCloseTo(0.6031746032, 9);
    expect(metrics.auc).toBeCloseTo(0.7668650794, 9);
    expect(metrics.ece).toBeCloseTo(0.175, 6);
    expect(metrics.top5).toBe(1);
    expect(metrics.confusion).toEqual([
      [2, 1, 1],
      [1, 2, 0],
      [0, 1, 2],
    ]);
  });

  it("names the most certain mistakes first", () => {
    const mistakes = collected().mistakes(3);
    expect(mistakes.map(({ index, label, predicted }) => [index, label, predicted])).toEqual([
      [9, 0, 1],
      [4, 1, 0],
      [2, 2, 1],
    ]);
    expect(mistakes[0].confidence).toBeCloseTo(0.8, 6);
  });

  it("counts the five most probable classes of many", () => {
    const images = new Classification(8);
    const row = Float32Array.of(0.3, 0.25, 0.15, 0.1, 0.08, 0.06, 0.04, 0.02);
    for (const label of [0, 4, 5, 7]) images.add([label], row);
    expect(images.metrics()).toMatchObject({ top5: 0.5, accuracy: 0.25 });
  });

  it("leaves classes out of means that have no image", () => {
    const images = new Classification(3);
    images.add([0, 0, 1], Float32Array.of(1, 0, 0, 1, 0, 0, 0, 1, 0));
    expect(images.metrics()).toMatchObject({ balancedAccuracy: 1, f1: 1, auc: 1, ece: 0 });
  });
});

describe("save and merge", () => {
  it("put what was collected in parts together, as if in one place", () => {
    const [whole, ...parts] = [0, 1, 2].map(() => new Classification(3));
    const probabilities = Float32Array.from(PROBABILITIES.flat());
    whole.add(LABELS, probabilities);
    parts[0].add(LABELS.slice(0, 3), probabilities.subarray(0, 9));
    parts[0].add(LABELS.slice(3, 4), probabilities.subarray(9, 12));
    parts[1].add(LABELS.slice(4), probabilities.subarray(12));
    const merged = new Classification(3);
    for (const part of [...parts, new Classification(3)]) merged.merge(part.save());
    expect(merged.metrics()).toEqual(whole.metrics());
    expect(merged.mistakes(9)).toEqual(whole.mistakes(9));
    const masks = [0, 1, 2].map(() => new Segmentation(3));
    const images = [
      [
        [0, 0, 1, 1],
        [0, 1, 1, 1],
      ],
      [
        [2, 2, 2, 0, IGNORED],
        [2, 0, 2, 0, 1],
      ],
    ];
    images.forEach(([labels, predicted], i) => {
      masks[0].add(labels, predicted);
      masks[1 + i].add(labels, predicted);
    });
    const both = new Segmentation(3);
    for (const part of masks.slice(1)) both.merge(part.save());
    expect(both.metrics()).toEqual(masks[0].metrics());
  });
});

describe("intervals", () => {
  it.each([
    [9, 10, 0.5958499732, 0.9821237869],
    [0, 20, 0, 0.1611251581],
    [981, 1000, 0.9705155441, 0.9878031143],
  ])("Wilson's of %i in %i is scipy's", (right, count, low, high) => {
    const interval = wilson(right, count);
    expect(interval[0]).toBeCloseTo(low, 6);
    expect(interval[1]).toBeCloseTo(high, 6);
  });

  it("of means by their spread, as scipy's", () => {
    const [low, high] = meanInterval([0.9, 0.8, 0.95, 0.7]);
    expect([low, high]).toEqual([expect.closeTo(0.7288515631, 6), expect.closeTo(0.9461484369, 6)]);
    expect(meanInterval([0.5])).toEqual([0.5, 0.5]);
  });
});

describe("Segmentation", () => {
  it("agrees with scikit-learn's F1 and Jaccard scores over all positions", () => {
    const images = new Segmentation(3);
    images.add([0, 0, 1, 1], [0, 1, 1, 1]);
    images.add([2, 2, 2, 0, IGNORED], [2, 0, 2, 0, 1]);
    const { perClass, dice, iou, accuracy, count } = images.metrics();
    expect(perClass.map((value) => value.toFixed(6))).toEqual(["0.666667", "0.800000", "0.800000"]);
    expect([dice, iou]).toEqual([expect.closeTo(0.8, 9), expect.closeTo(2 / 3, 9)]);
    expect([accuracy, count]).toEqual([0.75, 2]);
    expect(images.score).toBe(dice);
  });

  it("knows no Dice of a class that is nowhere", () => {
    const images = new Segmentation(3);
    images.add([0, 1, 1], [0, 1, 1]);
    expect(images.metrics()).toMatchObject({ dice: 1, perClass: [1, 1, Number.NaN] });
    const nothing = new Segmentation(2);
    nothing.add([0, 0], [0, 0]);
    expect(nothing.score).toBe(0);
  });
});
