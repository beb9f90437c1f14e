import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { dot, expectAllNear, expectNear, finiteDifference, normals } from "../testing/helpers.ts";
import {
  GAUSSIAN_NORM,
  initialSigma,
  mixtureMatrix,
  mixWeights,
  mixWeightsGrad,
  sigmaBounds,
} from "./mixture.ts";
import { Random } from "./random.ts";

const mixtures = fc
  .record({ numRings: fc.integer({ min: 1, max: 7 }), inner: fc.integer({ min: 1, max: 5 }), seed: fc.nat() })
  .map(({ numRings, inner, seed }) => {
    const random = new Random(seed);
    return {
      numRings,
      logSigmas: Float64Array.from({ length: numRings }, () => random.uniform(-2, 0.6)),
      weights: normals(random, numRings * inner),
      gradMixed: normals(random, numRings * inner),
    };
  });

describe("initialSigma", () => {
  it("is a ring's width at half maximum", () => {
    expectNear(initialSigma(9, 5), 9 / 8 / 2.355);
    expectNear(initialSigma(3, 2), 1.5 / 2.355);
  });

  it("makes a single ring's mixture the identity", () => {
    expectAllNear(mixtureMatrix([Math.log(initialSigma(1, 1))]), [1]);
    expectAllNear(mixtureMatrix([Math.log(initialSigma(9, 1))]), [1]);
  });

  it("rejects sizes that are not positive integers", () => {
    const code = "invalid-argument";
    expectGmrError(() => initialSigma(0, 2), code, "kernelSize0 must be a positive integer, got 0");
    expectGmrError(() => initialSigma(3, 0), code, "numRings must be a positive integer, got 0");
  });
});

describe("mixtureMatrix", () => {
  it("is a Gaussian around each ring", () => {
    const matrix = mixtureMatrix([Math.log(0.5), Math.log(2)]);
    const gaussian = (z: number, sigma: number) => Math.exp(-(z ** 2) / 2) / (sigma * GAUSSIAN_NORM);
    expectAllNear(matrix, [gaussian(0, 0.5), gaussian(2, 0.5), gaussian(0.5, 2), gaussian(0, 2)]);
  });

  it("clips σ to its bounds", () => {
    expect(sigmaBounds(3)).toEqual([0.01, 6]);
    const [tiny, huge] = [Math.log(0.01), Math.log(6)];
    const clipped = mixtureMatrix([tiny - 9, huge + 9, Number.NEGATIVE_INFINITY]);
    expectAllNear(clipped, mixtureMatrix([tiny, huge, tiny]));
    expect(mixtureMatrix([1000, 0, 0]).every(Number.isFinite)).toBe(true);
  });

  it("rejects NaN and a wrong number of σ", () => {
    expectGmrError(
      () => mixtureMatrix([0, Number.NaN]),
      "invalid-data",
      "logSigmas[1] must be a number, got NaN",
    );
    expectGmrError(
      () => mixtureMatrix([0, 0], 3),
      "invalid-shape",
      "logSigmas must hold 3 numbers (one per ring), got 2",
    );
  });
});

describe("mixWeights", () => {
  it("sums over rings", () => {
    const [a, b, c, d] = [1, 2, 3, 4]; // G
    expectAllNear(mixWeights([10, 20, 100, 200], [a, b, c, d], 2), [
      a * 10 + c * 100,
      a * 20 + c * 200,
      b * 10 + d * 100,
      b * 20 + d * 200,
    ]);
  });

  it("rejects lengths that do not fit", () => {
    expectGmrError(
      () => mixWeights([1, 2, 3], [1, 0, 0, 1], 2),
      "invalid-shape",
      "weights must have 2 equal rows, got 3 numbers",
    );
    expectGmrError(
      () => mixWeights([1, 2], [1], 2),
      "invalid-shape",
      "matrix must hold 4 numbers ([2, 2]), got 1",
    );
  });
});

describe("mixWeightsGrad", () => {
  it("is the adjoint in the weights", () => {
    fc.assert(
      fc.property(mixtures, ({ numRings, logSigmas, weights, gradMixed }) => {
        const mixed = mixWeights(weights, mixtureMatrix(logSigmas), numRings);
        const grad = mixWeightsGrad(weights, logSigmas, gradMixed);
        expectNear(dot(mixed, gradMixed), dot(weights, grad.weights));
      }),
    );
  });

  it("agrees with finite differences in log σ", () => {
    fc.assert(
      fc.property(mixtures, ({ numRings, logSigmas, weights, gradMixed }) => {
        const grad = mixWeightsGrad(weights, logSigmas, gradMixed).logSigmas;
        const loss = (values: Float64Array) =>
          dot(mixWeights(weights, mixtureMatrix(values), numRings), gradMixed);
        grad.forEach((value, r) => {
          expectNear(value, finiteDifference(loss, logSigmas, r), 1e-6);
        });
      }),
    );
  });

  it("passes the clip's gradient on the bounds and not beyond them", () => {
    const onUpperBound = Math.log(2); // 2R for one ring
    expect(Math.exp(onUpperBound)).toBe(2);
    expectNear(mixWeightsGrad([3], [onUpperBound], [5]).logSigmas[0], -15 / (2 * GAUSSIAN_NORM));
    expect(mixWeightsGrad([3], [onUpperBound + 1e-9], [5]).logSigmas[0]).toBe(0);
    expect(mixWeightsGrad([3], [Math.log(0.01) - 1e-9], [5]).logSigmas[0]).toBe(0);
  });

  it("rejects a gradient of another length", () => {
    expectGmrError(
      () => mixWeightsGrad([1, 2], [0, 0], [1]),
      "invalid-shape",
      "gradMixed must hold 2 numbers (as many as weights), got 1",
    );
  });
});
