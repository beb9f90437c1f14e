import { foldKernel, foldWithMasks, maxRelativeError, ringPartition } from "@gmr-conv/core";
import { gmrConv2d, mixRingWeights } from "@gmr-conv/tfjs";
import { TOLERANCES } from "@gmr-conv/tfjs/conformance";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { type OfficialCase, officialCases, tensor } from "../../../tooling/testing/officialCases.ts";
import { useWasm } from "./index.ts";

beforeAll(() => useWasm());

const cases = officialCases().filter(
  ({ options }) => options.kernelSize.length === 2 && options.transposed === false,
);

const trainsMasks = ({ tensors }: OfficialCase) => tensors.has("grad_ring_masks");

/** Names of the differentiable inputs in the fixtures, in the order in which `convolve` takes them. */
const INPUTS = ["x", "weight", "log_sigmas", "bias", "ring_masks"] as const;

describe.each(cases.map((testCase) => [testCase.name, testCase] as const))("%s", (_, testCase) => {
  const strategies = trainsMasks(testCase) ? (["dense"] as const) : (["ring", "dense"] as const);

  it("has the official kernel", () => {
    const partition = ringPartition(testCase.options.kernelSize, testCase.options);
    const [weights, logSigmas] = ["weight", "log_sigmas"].map((name) => optional(testCase, name));
    const mixed = tf.tidy(() =>
      (logSigmas ? mixRingWeights(weights as tf.Tensor3D, logSigmas as tf.Tensor1D) : weights)?.dataSync(),
    );
    const masks = tensor(testCase, "ring_masks").data;
    const kernel = trainsMasks(testCase)
      ? foldWithMasks(mixed ?? [], masks, partition.numRings)
      : foldKernel(mixed ?? [], partition);
    expectClose(kernel, testCase, "kernel", TOLERANCES.output);
  });

  it.each(strategies)("has the official output and gradients, strategy %s", (strategy) => {
    const names = INPUTS.filter((name) =>
      name === "ring_masks" ? trainsMasks(testCase) : optional(testCase, name),
    );
    const inputs = names.map((name) => optional(testCase, name)).filter((input) => input !== undefined);
    const { numRings: _, transposed: __, outputPadding: ___, ...options } = testCase.options;
    const convolve = (...given: tf.Tensor[]): tf.Tensor => {
      const named = (name: (typeof INPUTS)[number]) => given[names.indexOf(name)] as tf.Tensor | undefined;
      return gmrConv2d(named("x") as tf.Tensor4D, named("weight") as tf.Tensor3D, {
        ...options,
        logSigmas: named("log_sigmas") as tf.Tensor1D | undefined,
        bias: named("bias") as tf.Tensor1D | undefined,
        masks: named("ring_masks") as tf.Tensor2D | undefined,
        strategy,
      });
    };
    const y = convolve(...inputs);
    expect(y.shape).toEqual(tensor(testCase, "y").shape);
    expectClose(y.dataSync(), testCase, "y", TOLERANCES.output);

    const gradients = tf.grads(convolve)(inputs, optional(testCase, "grad_y"));
    const checked = names.filter((name, i) => {
      if (!testCase.tensors.has(`grad_${name}`)) return false;
      expectClose(gradients[i].dataSync(), testCase, `grad_${name}`, TOLERANCES.gradient);
      return true;
    });
    expect(checked).toEqual(expect.arrayContaining(["x", "weight"]));
  });
});

it("covers all 26 official 2-D convolutions", () => {
  expect(cases.length).toBe(26);
  expect(cases.filter(trainsMasks).length).toBe(1);
});

function optional(testCase: OfficialCase, name: string): tf.Tensor | undefined {
  const found = testCase.tensors.get(name);
  return found && tf.tensor(Float32Array.from(found.data), found.shape);
}

function expectClose(
  actual: ArrayLike<number>,
  testCase: OfficialCase,
  name: string,
  tolerance: number,
): void {
  expect(maxRelativeError(actual, tensor(testCase, name).data), name).toBeLessThanOrEqual(tolerance);
}
