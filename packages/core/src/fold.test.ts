import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { dot, expectAllNear, expectNear, normals } from "../testing/helpers.ts";
import { foldKernel, foldKernelGrad, foldWithMasks, foldWithMasksGrad } from "./fold.ts";
import { Random } from "./random.ts";
import { ringMasks, ringPartition } from "./rings.ts";

const folds = fc
  .record({
    half: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 }),
    inner: fc.integer({ min: 1, max: 4 }),
    circular: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ half, inner, circular, seed }) => {
    const random = new Random(seed);
    const partition = ringPartition(
      half.map((n) => 2 * n + 1),
      { circular },
    );
    const [rings, positions] = [partition.numRings, partition.index.length];
    return {
      partition,
      ringWeights: normals(random, rings * inner),
      masks: normals(random, rings * positions),
      gradKernel: normals(random, positions * inner),
    };
  });

describe("foldKernel", () => {
  it("repeats each ring's weight along the ring, zero outside", () => {
    // biome-ignore format: a picture of the kernel
    expect(Array.from(foldKernel([7, 8, 9], ringPartition(5)))).toEqual([
      0, 9, 9, 9, 0,
      9, 8, 8, 8, 9,
      9, 8, 7, 8, 9,
      9, 8, 8, 8, 9,
      0, 9, 9, 9, 0,
    ]);
  });

  it("equals folding with the partition's own masks", () => {
    fc.assert(
      fc.property(folds, ({ partition, ringWeights }) => {
        const masked = foldWithMasks(ringWeights, ringMasks(partition), partition.numRings);
        expectAllNear(foldKernel(ringWeights, partition), masked, 0);
      }),
    );
  });

  it("has foldKernelGrad as its adjoint", () => {
    fc.assert(
      fc.property(folds, ({ partition, ringWeights, gradKernel }) => {
        const forward = dot(foldKernel(ringWeights, partition), gradKernel);
        expectNear(forward, dot(ringWeights, foldKernelGrad(gradKernel, partition)));
      }),
    );
  });
});

describe("foldWithMasks", () => {
  it("has foldWithMasksGrad as its adjoint, in weights and in masks", () => {
    fc.assert(
      fc.property(folds, ({ partition, ringWeights, masks, gradKernel }) => {
        const forward = dot(foldWithMasks(ringWeights, masks, partition.numRings), gradKernel);
        const grad = foldWithMasksGrad(gradKernel, ringWeights, masks, partition.numRings);
        expectNear(forward, dot(ringWeights, grad.ringWeights));
        expectNear(forward, dot(masks, grad.masks));
      }),
    );
  });
});

it("rejects lengths that do not fit", () => {
  const partition = ringPartition(3);
  const code = "invalid-shape";
  expectGmrError(
    () => foldKernel([1, 2, 3], partition),
    code,
    "ringWeights must have 2 equal rows, got 3 numbers",
  );
  expectGmrError(
    () => foldKernelGrad([1], partition),
    code,
    "gradKernel must have 9 equal rows, got 1 numbers",
  );
  expectGmrError(() => foldWithMasks([1, 2], [1], 2), code, "masks must have 2 equal rows, got 1 numbers");
  expectGmrError(
    () => foldWithMasksGrad([1], [1, 2], [1, 0, 0, 1], 2),
    code,
    "gradKernel must hold 2 numbers ([2, 1]), got 1",
  );
});
