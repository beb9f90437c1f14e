import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../../tooling/testing/expectGmrError.ts";
import {
  type NamedArray,
  type OfficialCase,
  officialCases,
  tensor,
} from "../../../../tooling/testing/officialCases.ts";
import { dot, expectAllNear, finiteDifference, normals } from "../../testing/helpers.ts";
import { maxRelativeError } from "../equivariance/equivariance.ts";
import { Random } from "../random.ts";
import { type RingPartition, ringMasks, ringPartition } from "../rings.ts";
import {
  type GmrParameters,
  gmrKernel,
  type ReferenceGmrOptions,
  referenceGmrConv,
  referenceGmrConvGrad,
} from "./referenceGmr.ts";

// The cases were computed in float64 and stored as float32, so inputs and outputs are each off by up to 6e-8.
const TOLERANCE = 2e-6;

const cases = officialCases();

const partitionOf = ({ kernelSize, numRings, circular }: ReferenceGmrOptions): RingPartition =>
  ringPartition(kernelSize, { numRings, circular });

describe.each(cases.map((testCase) => [testCase.name, testCase] as const))("%s", (_, testCase) => {
  const { options } = testCase;
  const partition = partitionOf(options);
  const parameters = parametersOf(testCase);
  const x = tensor(testCase, "x");

  it("has the official ring partition", () => {
    const masks = tensor(testCase, "ring_masks").data;
    expect(Array.from(ringMasks(partition))).toEqual(Array.from(masks, Math.round));
  });

  it("has the official kernel and output", () => {
    expectClose(gmrKernel(parameters, partition), tensor(testCase, "kernel"));
    const { y, shape } = referenceGmrConv(x.data, x.shape, parameters, options);
    expect(shape).toEqual(tensor(testCase, "y").shape);
    expectClose(y, tensor(testCase, "y"));
  });

  it("has the official gradients", () => {
    const gradY = tensor(testCase, "grad_y").data;
    const gradients = referenceGmrConvGrad(x.data, x.shape, parameters, gradY, options);
    expectClose(gradients.x, tensor(testCase, "grad_x"));
    expectClose(gradients.weights, tensor(testCase, "grad_weight"));
    for (const name of ["bias", "masks", "logSigmas"] as const) {
      const expected = testCase.tensors.get(`grad_${OFFICIAL_NAMES[name]}`);
      if (expected) expectClose(gradients[name] ?? [], expected);
      expect(gradients[name] !== undefined).toBe(parameters[name] !== undefined);
    }
  });
});

it("covers all 34 official layer cases", () => {
  expect(cases.length).toBe(34);
});

describe("gradients agree with finite differences", () => {
  it.each<[string, Partial<ReferenceGmrOptions>]>([
    ["with strides and dilations", { strides: 2, dilations: [1, 2], pad: "same" }],
    ["with groups and reflection", { groups: 2, padMode: "reflect", pad: 1 }],
    ["transposed", { transposed: true, strides: 2, outputPadding: 1, groups: 2 }],
    ["with one ring", { numRings: 1, pad: 1 }],
    ["for k = 1", { kernelSize: 1 }],
    ["for k = 1, not circular", { kernelSize: 1, circular: false }],
  ])("%s", (_, extra) => {
    const options: ReferenceGmrOptions = { kernelSize: 3, ...extra };
    const random = new Random(1);
    const shape = [2, 4, 5, 2];
    const x = normals(random, 2 * 4 * 5 * 2);
    const { numRings, index } = partitionOf(options);
    const given = {
      weights: normals(random, (numRings * 2 * 4) / (options.groups ?? 1)),
      logSigmas: normals(random, numRings),
      masks: normals(random, numRings * index.length),
      bias: normals(random, 4),
    };
    const gradY = normals(random, referenceGmrConv(x, shape, given, options).y.length);
    const grad = referenceGmrConvGrad(x, shape, given, gradY, options);
    for (const name of ["weights", "logSigmas", "masks", "bias"] as const) {
      const loss = (values: Float64Array) =>
        dot(referenceGmrConv(x, shape, { ...given, [name]: values }, options).y, gradY);
      const numeric = given[name].map((_, i) => finiteDifference(loss, given[name], i));
      expectAllNear(grad[name] ?? [], numeric, 1e-6);
    }
  });
});

describe("rejects", () => {
  const x = new Float64Array(25);
  const shape = [1, 5, 5, 1];
  const convolve = (parameters: Partial<GmrParameters>, options: Partial<ReferenceGmrOptions> = {}) =>
    referenceGmrConv(x, shape, { weights: [1, 2], ...parameters }, { kernelSize: 3, ...options });

  it("parameters that do not fit the rings", () => {
    const code = "invalid-shape";
    expectGmrError(
      () => convolve({ weights: [1] }),
      code,
      "ringWeights must have 2 equal rows, got 1 numbers",
    );
    expectGmrError(
      () => convolve({ logSigmas: [0] }),
      code,
      "logSigmas must hold 2 numbers (one per ring), got 1",
    );
    expectGmrError(() => convolve({ masks: [0, 1] }), code, "masks must hold 18 numbers ([2, 3, 3]), got 2");
  });

  it("even kernels and shapes without spatial axes", () => {
    expectGmrError(
      () => convolve({}, { kernelSize: 2 }),
      "invalid-argument",
      "kernelSize must be an odd positive integer, got 2",
    );
    expectGmrError(
      () => referenceGmrConv(x, [25], { weights: [1] }, { kernelSize: 1 }),
      "invalid-argument",
      "the number of spatial axes must be 1, 2 or 3, got -1",
    );
  });
});

const OFFICIAL_NAMES = { bias: "bias", masks: "ring_masks", logSigmas: "log_sigmas" } as const;

/** Masks are passed only if they are trained, so that both ways of folding are exercised. */
function parametersOf(testCase: OfficialCase): GmrParameters {
  return {
    weights: tensor(testCase, "weight").data,
    logSigmas: testCase.tensors.get("log_sigmas")?.data,
    bias: testCase.tensors.get("bias")?.data,
    masks: testCase.tensors.has("grad_ring_masks") ? tensor(testCase, "ring_masks").data : undefined,
  };
}

function expectClose(actual: ArrayLike<number>, { data }: NamedArray): void {
  expect(maxRelativeError(actual, data)).toBeLessThanOrEqual(TOLERANCE);
}
