import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { kaimingNormalFanOut, kaimingNormalRingMean, kaimingUniformFanIn } from "./init.ts";
import { Random } from "./random.ts";
import { ringPartition } from "./rings.ts";

const partition = ringPartition(7);
const rings = partition.numRings;

describe("initial values", () => {
  it("are normal with the fan-out of the folded kernel", () => {
    const weights = kaimingNormalFanOut(partition, 64, 96, 2, new Random(1));
    expect(weights.length).toBe(rings * 32 * 96);
    const std = Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0) / weights.length);
    expect(std / Math.sqrt(2 / (96 * 49))).toBeCloseTo(1, 1);
  });

  it("give every ring the same influence", () => {
    const plain = kaimingNormalFanOut(partition, 2, 3, 1, new Random(1));
    const scaled = kaimingNormalRingMean(partition, 2, 3, 1, new Random(1));
    const { counts } = partition;
    const mean = counts.reduce((a, b) => a + b) / rings;
    scaled.forEach((weight, i) => {
      expect(weight * counts[Math.floor(i / 6)]).toBeCloseTo(plain[i] * mean, 10);
    });
  });

  it("are uniform with the fan-in of the folded kernel", () => {
    const weights = kaimingUniformFanIn(partition, 64, 96, 2, new Random(1));
    expect(weights.length).toBe(rings * 32 * 96);
    const bound = 1 / Math.sqrt(32 * 49);
    expect(Math.max(...weights) / bound).toBeCloseTo(1, 2);
    expect(Math.min(...weights) / bound).toBeCloseTo(-1, 2);
  });

  it("follow the seed", () => {
    const draw = (seed: number) => kaimingNormalFanOut(partition, 2, 3, 1, new Random(seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it("work for k = 1", () => {
    expect(kaimingNormalFanOut(ringPartition(1), 2, 3, 1, new Random(1)).length).toBe(6);
  });

  it("reject channels and groups that do not fit", () => {
    const random = new Random(1);
    expectGmrError(
      () => kaimingNormalFanOut(partition, 3, 4, 2, random),
      "invalid-shape",
      "groups must divide inChannels, got 2 groups for 3 channels",
    );
    expectGmrError(
      () => kaimingUniformFanIn(partition, 4, 3, 2, random),
      "invalid-shape",
      "groups must divide outChannels, got 2 groups for 3 channels",
    );
    expectGmrError(
      () => kaimingNormalFanOut(partition, 4, 4, Number.NaN, random),
      "invalid-argument",
      "groups must be a positive integer, got NaN",
    );
  });
});
