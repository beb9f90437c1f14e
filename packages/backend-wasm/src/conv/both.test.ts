import { geometryAt, product, ringPartition } from "@gmr-conv/core";
import { maxRelativeError } from "@gmr-conv/core/equivariance";
import { type ConvShape, ringConvShape } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { heapBytes } from "../../testing/heapBytes.ts";
import { useWasm } from "../index.ts";
import { type WasmState, wasm } from "../state.ts";
import { convolutions } from "./convolve.ts";

beforeAll(() => useWasm({ threads: 1 }));
afterEach(() => vi.restoreAllMocks());

interface Problem {
  state: WasmState;
  shape: ConvShape;
  x: tf.Tensor;
  weights: tf.Tensor;
  dy: tf.Tensor;
  /** The kernels that were run. */
  kernels: () => string[];
}

/** A ring convolution of x [N, ...in, Cin] to Cout channels, with zeros around it. */
function problemOf(sizes: number[], outChannels: number, kernelSize: number[]): Problem {
  const [images, channels] = [sizes[0], sizes[sizes.length - 1]];
  const { index, numRings } = ringPartition(kernelSize);
  const geometry = geometryAt({ kernelSize, pad: "same" }, sizes.slice(1, -1));
  const attrs = {
    kernelSize,
    ringIndex: Array.from(index),
    numRings,
    strides: [...geometry.strides],
    dilations: [...geometry.dilations],
    padBefore: geometry.padding.map(([before]) => before),
    inputSize: [...geometry.inputSize],
    outputSize: [...geometry.outputSize],
  };
  const noise = (of: number[], seed: number) => tf.randomNormal(of, 0, 1, "float32", seed);
  const state = wasm.stateOf(tf.backend());
  const split = vi.spyOn(state, "split");
  return {
    state,
    shape: ringConvShape(attrs, images, channels, outChannels),
    x: noise(sizes, 1),
    weights: noise([numRings, channels, outChannels], 2),
    dy: noise([...sizes.slice(0, -1), outChannels], 3),
    kernels: () => split.mock.calls.splice(0).map(([name]) => name),
  };
}

const numbersOf = (state: WasmState, tensor: tf.TensorInfo): Float32Array => {
  const numbers = state.floats(state.address(tensor), product(tensor.shape)).slice();
  state.release(tensor);
  return numbers;
};

/** dx, from x as well if that is given. */
function inputGradient({ state, shape, x, weights, dy }: Problem, withX: boolean): Float32Array {
  const dx = convolutions.inputGradient(state, shape, dy, weights, x.shape, withX ? x : undefined);
  return numbersOf(state, dx);
}

const filterGradient = ({ state, shape, x, weights, dy }: Problem): Float32Array =>
  numbersOf(state, convolutions.filterGradient(state, shape, x, dy, weights.shape));

describe("the gradients of x and of the weights, from the same sums", () => {
  it.each<[number[], number, number[]]>([
    [[3, 700, 17], 20, [9]],
    [[2, 30, 31, 32], 32, [9, 9]],
    [[1, 90, 17, 17], 20, [5, 5]],
    [[20, 13, 9, 20], 17, [5, 5]],
    [[3, 2, 2, 24], 16, [9, 9]], // rings that reach no pixel
    [[2, 6, 9, 10, 8], 13, [3, 3, 3]],
    [[1, 17000, 8], 8, [3]], // so many tiles that there are totals
  ])(
    "of x %j to %i channels are those of their own, for any number of threads",
    (sizes, channels, kernel) => {
      const problem = problemOf(sizes, channels, kernel);
      const { state, kernels } = problem;
      const pair = (withX: boolean) => [inputGradient(problem, withX), filterGradient(problem)];
      const expected = pair(false);
      expect(kernels()).toContain("filterGradient");
      const [one, ...others] = [1, 2, 3].map((threads) => {
        vi.spyOn(state, "threadsFor").mockReturnValue(threads);
        return pair(true);
      });
      expect(kernels()).not.toContain("filterGradient");
      one.forEach((numbers, i) => {
        expect(maxRelativeError(numbers, expected[i])).toBeLessThan(1e-5);
      });
      for (const other of others) expect(other).toEqual(one);
      tf.dispose([problem.x, problem.weights, problem.dy]);
    },
  );

  it.each<[string, number[], number]>([
    ["with few channels", [2, 8, 8, 7], 8],
    ["to many channels", [2, 8, 8, 8], 17],
    ["with many weights", [1, 4, 4, 260], 260],
  ])("are computed by themselves %s", (_, sizes, channels) => {
    const problem = problemOf(sizes, channels, [3, 3]);
    inputGradient(problem, true);
    filterGradient(problem);
    expect(problem.kernels()).toEqual(["packWeights", "convolve", "filterGradient", "filterFinish"]);
    tf.dispose([problem.x, problem.weights, problem.dy]);
  });
});

it("a gradient of weights that nobody asks for is dropped, and no longer computed until one is asked for", async () => {
  const problem = problemOf([2, 12, 12, 16], 16, [5, 5]);
  const { state, kernels } = problem;
  const backend = tf.backend();
  inputGradient(problem, true);
  const [bytes, tensors] = [heapBytes(), backend.numDataIds()];
  const shared = ["packWeights", "bothGradients", "bothFinish"];
  expect(kernels()).toEqual(shared);
  await Promise.resolve();
  for (let i = 0; i < 50; i++) inputGradient(problem, true);
  expect(new Set(kernels())).toEqual(new Set(["packWeights", "convolve"]));
  filterGradient(problem);
  expect(kernels()).toEqual(["filterGradient", "filterFinish"]);
  inputGradient(problem, true);
  expect(kernels()).toEqual(shared);
  await Promise.resolve();
  expect(Reflect.get(state.weightGradient, "last")).toBeUndefined();
  expect([heapBytes(), backend.numDataIds()]).toEqual([bytes, tensors]);
  tf.dispose([problem.x, problem.weights, problem.dy]);
});
