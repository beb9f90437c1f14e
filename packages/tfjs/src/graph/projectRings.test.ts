import { foldKernel, initialSigma, mixtureMatrix, mixWeights, Random, ringPartition } from "@gmr-conv/core";
import { describe, expect, it } from "vitest";
import { recentreKernel, ringMeans, unmixWeights } from "./projectRings.ts";

const values = (length: number, seed: number) => {
  const random = new Random(seed);
  return Float64Array.from({ length }, () => random.normal());
};

describe("recentreKernel", () => {
  it("keeps the centre in place under same padding, for even sizes too", () => {
    expect([...recentreKernel([1, 2, 3], [3], [5])]).toEqual([0, 1, 2, 3, 0]);
    expect([...recentreKernel([1, 2, 3, 4], [4], [5])]).toEqual([0, 1, 2, 3, 4]);
    expect([...recentreKernel([1, 2, 3, 4], [4], [3])]).toEqual([1, 2, 3]);
  });

  it("accepts several axes and channels", () => {
    const from = [1, 10, 2, 20, 3, 30, 4, 40]; // [2, 2, 2]
    const to = recentreKernel(from, [2, 2], [3, 3]);
    expect([...to]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 10, 2, 20, 0, 0, 3, 30, 4, 40]);
  });
});

describe("ringMeans", () => {
  it.each([
    [[5, 5], true],
    [[3, 5], false],
    [[3, 3, 3], true],
    [[7], true],
  ])("comes nearest to a kernel %j, circular %s", (kernelSize, circular) => {
    const partition = ringPartition(kernelSize, { circular });
    const kernel = values(partition.index.length * 2, 1);
    const best = ringMeans(kernel, partition);
    const distance = (weights: ArrayLike<number>) =>
      foldKernel(weights, partition).reduce((sum, value, i) => sum + (value - kernel[i]) ** 2, 0);
    for (let seed = 2; seed < 10; seed++) {
      const change = values(best.length, seed);
      expect(distance(best)).toBeLessThan(distance(best.map((w, i) => w + 0.01 * change[i])));
    }
  });

  it("gives back the weights of a folded kernel, and 0 on empty rings", () => {
    const partition = ringPartition(3, { numRings: 7 });
    const weights = values(7 * 3, 1);
    const found = ringMeans(foldKernel(weights, partition), partition);
    found.forEach((w, i) => {
      expect(w).toBeCloseTo(partition.counts[Math.floor(i / 3)] > 0 ? weights[i] : 0, 12);
    });
  });
});

it.each([
  [3, 2],
  [9, 5],
  [9, 2],
  [5, 12],
  [1, 1],
])("unmixWeights undoes the mixture, kernel %i, %i rings", (kernelSize, numRings) => {
  const sigmas = new Float64Array(numRings).fill(Math.log(initialSigma(kernelSize, numRings)));
  const matrix = mixtureMatrix(sigmas.map((s, r) => s + 0.1 * r));
  const weights = values(numRings * 4, 1);
  const found = unmixWeights(mixWeights(weights, matrix, numRings), matrix, numRings);
  found.forEach((w, i) => {
    expect(w).toBeCloseTo(weights[i], 8);
  });
});
