// The ring convolution kernels by themselves. The ops reach only two of the one to three spatial axes that the
// declarations allow.

import { type ConvOptions, geometryAt, product, Random, ringPartition } from "@gmr-conv/core";
import { referenceGmrConv, referenceGmrConvGrad } from "@gmr-conv/core/reference";
import * as tf from "@tensorflow/tfjs";
import {
  RingConv,
  type RingConvAttrs,
  RingConvBackpropFilter,
  RingConvBackpropInput,
} from "../kernels/ringConv.ts";
import { runKernel } from "../kernels/run.ts";
import { checkAndDispose, toTensor } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { misfitCase } from "./misfitCase.ts";

interface KernelProblem {
  /** [N, ...spatial, C] */
  shape: readonly number[];
  outChannels: number;
  kernelSize: readonly number[];
  options?: Pick<ConvOptions, "strides" | "pad" | "dilations"> & { circular?: boolean };
}

const PROBLEMS: readonly KernelProblem[] = [
  { shape: [2, 20, 3], outChannels: 5, kernelSize: [5], options: { pad: "same" } },
  { shape: [1, 131, 6], outChannels: 4, kernelSize: [9], options: { pad: 4, strides: 2 } },
  { shape: [2, 9, 17], outChannels: 3, kernelSize: [3], options: { dilations: 2 } },
  { shape: [2, 3, 4], outChannels: 4, kernelSize: [11], options: { pad: "same" } },
  { shape: [2, 6, 7, 3], outChannels: 5, kernelSize: [5, 3], options: { pad: "same", strides: [2, 1] } },
  { shape: [2, 5, 6, 7, 3], outChannels: 4, kernelSize: [3, 3, 3], options: { pad: "same" } },
  { shape: [1, 4, 9, 8, 5], outChannels: 3, kernelSize: [3, 7, 7], options: { pad: [1, 3, 3] } },
  { shape: [1, 7, 7, 9, 2], outChannels: 9, kernelSize: [5, 5, 5], options: { strides: 2, circular: false } },
  {
    shape: [1, 7, 6, 8, 4],
    outChannels: 3,
    kernelSize: [3, 3, 3],
    options: { dilations: [2, 1, 3], pad: 2 },
  },
  { shape: [2, 1, 2, 2, 3], outChannels: 3, kernelSize: [5, 5, 5], options: { pad: "same" } },
];

/** RingConv, RingConvBackpropInput and RingConvBackpropFilter for one to three spatial axes. */
export function kernelCases(): ConformanceCase[] {
  return [...PROBLEMS.map(problemCase), ...misfitCases()];
}

function problemCase(problem: KernelProblem): ConformanceCase {
  const { shape, outChannels, kernelSize, options } = problem;
  const words = Object.entries(options ?? {}).map(([key, value]) => `, ${key} ${value}`);
  return defineCase(
    `ring kernels, ${kernelSize.length}-D, x [${shape}] → ${outChannels}, kernel ${kernelSize}${words.join("")}`,
    () => checkKernels(problem),
    [RingConv.name, RingConvBackpropInput.name, RingConvBackpropFilter.name],
  );
}

const ATTRS: RingConvAttrs = {
  kernelSize: [3, 3],
  ringIndex: [-1, 1, -1, 1, 0, 1, -1, 1, -1],
  numRings: 2,
  strides: [1, 1],
  dilations: [1, 1],
  padBefore: [1, 1],
  inputSize: [4, 5],
  outputSize: [4, 5],
};

function misfitCases(): ConformanceCase[] {
  const x = [1, 4, 5, 3];
  const weights = [2, 3, 2];
  const manyRings = { ...ATTRS, ringIndex: [2, 1, 2, 1, 0, 1, 2, 1, 2] };
  return [
    misfitCase(RingConv, { x, weights: [2, 4, 2] }, ATTRS),
    misfitCase(RingConv, { x: [1, 4, 4, 3], weights }, ATTRS),
    misfitCase(RingConv, { x, weights: [1, 3, 2] }, ATTRS),
    misfitCase(RingConv, { x, weights }, manyRings),
    misfitCase(RingConv, { x, weights }, { ...ATTRS, padBefore: [1] }),
    misfitCase(RingConvBackpropInput, { dy: [1, 5, 5, 2], weights }, ATTRS),
    misfitCase(RingConvBackpropInput, { dy: [1, 4, 5, 1], weights }, ATTRS),
    misfitCase(RingConvBackpropFilter, { x: [2, 4, 5, 3], dy: [1, 4, 5, 2] }, ATTRS),
    misfitCase(RingConvBackpropFilter, { x, dy: [1, 4, 6, 2] }, ATTRS),
  ];
}

async function checkKernels({ shape, outChannels, kernelSize, options }: KernelProblem): Promise<void> {
  const random = new Random(7);
  const partition = ringPartition(kernelSize, { circular: options?.circular });
  const geometry = geometryAt({ ...options, kernelSize }, shape.slice(1, -1));
  const draw = (sizes: readonly number[]) => ({
    data: Float32Array.from({ length: product(sizes) }, () => random.normal()),
    shape: sizes,
  });
  const weightShape = [partition.numRings, shape[shape.length - 1], outChannels];
  const numbers = { x: draw(shape), weights: draw(weightShape) };
  const parameters = { weights: numbers.weights.data };
  const expected = referenceGmrConv(numbers.x.data, shape, parameters, { ...options, kernelSize });
  const gradY = draw(expected.shape);
  const gradients = referenceGmrConvGrad(numbers.x.data, shape, parameters, gradY.data, {
    ...options,
    kernelSize,
  });
  const attrs: RingConvAttrs = {
    kernelSize: [...kernelSize],
    ringIndex: Array.from(partition.index),
    numRings: partition.numRings,
    strides: [...geometry.strides],
    dilations: [...geometry.dilations],
    padBefore: geometry.padding.map(([before]) => before),
    inputSize: [...geometry.inputSize],
    outputSize: [...geometry.outputSize],
  };

  const [x, weights, dy] = [toTensor(numbers.x), toTensor(numbers.weights), toTensor(gradY)];
  const y = runKernel(RingConv, { x, weights }, attrs);
  await checkAndDispose("y of RingConv", "output", y, { data: expected.y, shape: expected.shape });
  const dx = runKernel(RingConvBackpropInput, { dy, weights }, attrs);
  await checkAndDispose("dx of RingConvBackpropInput", "gradient", dx, { data: gradients.x, shape });
  const dw = runKernel(RingConvBackpropFilter, { x, dy }, attrs);
  await checkAndDispose("dW of RingConvBackpropFilter", "gradient", dw, {
    data: gradients.weights,
    shape: weightShape,
  });
  tf.dispose([x, weights, dy]);
}
