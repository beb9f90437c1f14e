import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { kaimingNormalFanOut, whiteNormal } from "./init.ts";
import { initialSigma, mixtureMatrix, mixWeights } from "./mixture.ts";
import { Random } from "./random.ts";
import { changeBasis, whiteBasis } from "./ringBasis.ts";
import { ringPartition } from "./rings.ts";

/** The covariance of the coordinates' inputs, over all pairs of positions. */
function covarianceSeen(size: number, mixture: boolean, basis: "white" | "halfWhite" = "white"): number[][] {
  const partition = ringPartition(size);
  const { numRings, index } = partition;
  const { matrix, gain } = whiteBasis(partition, mixture, basis);
  const logSigmas = new Array<number>(numRings).fill(Math.log(initialSigma(size, numRings)));
  const kernels = Array.from({ length: numRings }, (_, r) => {
    const unit = Float64Array.from({ length: numRings }, (_, l) => Number(l === r));
    const weights = changeBasis(matrix, unit);
    const mixed = mixture ? mixWeights(weights, mixtureMatrix(logSigmas), numRings) : weights;
    return Array.from(index, (ring) => (ring < 0 ? 0 : mixed[ring] / gain));
  });
  const rho = (a: number, b: number) => {
    const distance = Math.hypot(Math.floor(a / size) - Math.floor(b / size), (a % size) - (b % size));
    return 0.95 * Math.exp(-distance / 2) + (distance === 0 ? 0.05 : 0);
  };
  return kernels.map((k) =>
    kernels.map((m) =>
      k.reduce((sum, x, a) => sum + x * m.reduce((part, y, b) => part + y * rho(a, b), 0), 0),
    ),
  );
}

describe("white coordinates", () => {
  it.each([
    [3, true],
    [5, true],
    [9, true],
    [5, false],
  ])("have uncorrelated inputs of equal variance: kernel %d, mixture %s", (size, mixture) => {
    covarianceSeen(size, mixture).forEach((row, i) => {
      row.forEach((value, j) => {
        expect(value).toBeCloseTo(Number(i === j), 8);
      });
    });
  });

  it("are the ones nearest to the rings: their matrix is symmetric and positive", () => {
    const { matrix } = whiteBasis(ringPartition(7));
    for (let r = 0; r < 4; r++) {
      expect(matrix[r * 5]).toBeGreaterThan(0);
      for (let l = 0; l < 4; l++) expect(matrix[r * 4 + l]).toBeCloseTo(matrix[l * 4 + r], 12);
    }
  });

  it("half way have inputs of the same mean variance, and are the root of the whole way", () => {
    const rows = covarianceSeen(9, true, "halfWhite");
    expect(rows.reduce((sum, row, r) => sum + row[r], 0) / 5).toBeCloseTo(1, 8);
    const partition = ringPartition(9);
    const { matrix, inverse } = whiteBasis(partition, true, "halfWhite");
    const squared = changeBasis(matrix, matrix);
    const whole = whiteBasis(partition).matrix;
    squared.forEach((value, i) => {
      expect(value / squared[0]).toBeCloseTo(whole[i] / whole[0], 8);
    });
    changeBasis(matrix, inverse).forEach((value, i) => {
      expect(value).toBeCloseTo(Number(i % 6 === 0), 8);
    });
  });

  it("convert to ring weights and back, for any partition", () => {
    const partitions = fc.record({
      kernelSize: fc.array(
        fc.integer({ min: 0, max: 4 }).map((n) => 2 * n + 1),
        { minLength: 1, maxLength: 3 },
      ),
      numRings: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
      circular: fc.boolean(),
      mixture: fc.boolean(),
    });
    fc.assert(
      fc.property(partitions, ({ kernelSize, mixture, ...options }) => {
        const partition = ringPartition(kernelSize, options);
        const { matrix, inverse } = whiteBasis(partition, mixture);
        const weights = kaimingNormalFanOut(partition, 2, 3, 1, new Random(4));
        const back = changeBasis(matrix, changeBasis(inverse, weights));
        const largest = Math.max(...weights.map(Math.abs));
        back.forEach((value, i) => {
          expect(Math.abs(value - weights[i])).toBeLessThan(1e-7 * largest);
        });
      }),
      { numRuns: 60 },
    );
  });

  it("start with the variance of a dense kernel's weights, and keep the size of maps", () => {
    const partition = ringPartition(9);
    const { gain } = whiteBasis(partition);
    const values = whiteNormal(partition, 64, 64, 1, new Random(1), gain);
    const std = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
    expect(std * gain * Math.sqrt(5 * 64)).toBeCloseTo(1, 1);
  });

  it("reject kernels that would take too long", () => {
    expectGmrError(
      () => whiteBasis(ringPartition(129)),
      "invalid-argument",
      "white coordinates of kernelSize [129, 129] asks for 16641 kernel positions, at most 16384 fit",
    );
  });
});
