// The ring convolution kernels by themselves. The ops reach only two of the one to three spatial axes that the
// declarations allow.

import { type ConvOptions, geometryAt, product, Random, ringPartition } from "@gmr-conv/core";
import { referenceGmrConv, referenceGmrConvGrad } from "@gmr-conv/core/reference";
import * as tf from "@tensorflow/tfjs";
import {
  DepthwiseRingConv,
  DepthwiseRingConvBackpropFilter,
  DepthwiseRingConvBackpropInput,
  GroupedRingConv,
  type GroupedRingConvAttrs,
  GroupedRingConvBackpropFilter,
  GroupedRingConvBackpropInput,
  RingConv,
  RingConvBackpropFilter,
  RingConvBackpropInput,
  RingConvBias,
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
  { shape: [2, 9, 107, 1], outChannels: 18, kernelSize: [9, 9], options: { pad: "same" } },
  { shape: [3, 12, 10, 1], outChannels: 7, kernelSize: [5, 5] },
  { shape: [2, 12, 11, 18], outChannels: 1, kernelSize: [3, 3], options: { pad: 1 } },
  { shape: [2, 9, 21, 20], outChannels: 17, kernelSize: [5, 5], options: { pad: "same" } },
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

const RING = { forward: RingConv, input: RingConvBackpropInput, filter: RingConvBackpropFilter };
const DEPTHWISE = {
  forward: DepthwiseRingConv,
  input: DepthwiseRingConvBackpropInput,
  filter: DepthwiseRingConvBackpropFilter,
};
const GROUPED = {
  forward: GroupedRingConv,
  input: GroupedRingConvBackpropInput,
  filter: GroupedRingConvBackpropFilter,
};
type RingKernels = typeof RING | typeof GROUPED;

/** Forward, input and filter kernels for one to three spatial axes: all channels together, each by itself, and in groups. */
export function kernelCases(): ConformanceCase[] {
  return [RING, DEPTHWISE, GROUPED].flatMap((kernels) => [
    ...PROBLEMS.map((problem) => problemCase(problem, kernels)),
    ...misfitCases(kernels),
  ]);
}

function problemCase(problem: KernelProblem, kernels: RingKernels): ConformanceCase {
  const { shape, outChannels, kernelSize, options } = problem;
  const words = Object.entries(options ?? {}).map(([key, value]) => `, ${key} ${value}`);
  const channels = `x [${shape}] → ${outChannels}`;
  const what =
    kernels === DEPTHWISE
      ? `x [${shape}], depthwise`
      : kernels === GROUPED
        ? `${channels}, ${GROUPS} of these`
        : channels;
  return defineCase(
    `ring kernels, ${kernelSize.length}-D, ${what}, kernel ${kernelSize}${words.join("")}`,
    () => checkKernels(problem, kernels),
    Object.values(kernels).map(({ name }) => name),
  );
}

/** The groups of the kernels that take several, each with the channels of a problem. */
const GROUPS = 3;

const ATTRS: GroupedRingConvAttrs = {
  kernelSize: [3, 3],
  ringIndex: [-1, 1, -1, 1, 0, 1, -1, 1, -1],
  numRings: 2,
  strides: [1, 1],
  dilations: [1, 1],
  padBefore: [1, 1],
  inputSize: [4, 5],
  outputSize: [4, 5],
  groups: GROUPS,
};

function misfitCases(kernels: RingKernels): ConformanceCase[] {
  // With attributes that fit all three.
  const { forward, input, filter } = kernels as typeof GROUPED;
  const x = [1, 4, 5, 3];
  const [cin, cout] = kernels === RING ? [3, 2] : [1, 3]; // in groups, too
  const weights = [2, cin, cout];
  const manyRings = { ...ATTRS, ringIndex: [2, 1, 2, 1, 0, 1, 2, 1, 2] };
  return [
    misfitCase(forward, { x, weights: [2, cin + 1, cout] }, ATTRS),
    misfitCase(forward, { x: [1, 4, 4, 3], weights }, ATTRS),
    misfitCase(forward, { x, weights: [1, cin, cout] }, ATTRS),
    misfitCase(forward, { x, weights }, manyRings),
    misfitCase(forward, { x, weights }, { ...ATTRS, padBefore: [1] }),
    misfitCase(input, { dy: [1, 5, 5, cout], weights }, ATTRS),
    misfitCase(input, { dy: [1, 4, 5, 1], weights }, ATTRS),
    misfitCase(input, { dy: [1, 4, 5, cout], weights, x: [1, 4, 4, 3] }, ATTRS),
    misfitCase(input, { dy: [1, 4, 5, cout], weights, x: [2, 4, 5, 3] }, ATTRS),
    misfitCase(filter, { x: [2, 4, 5, 3], dy: [1, 4, 5, cout] }, ATTRS),
    misfitCase(filter, { x, dy: [1, 4, 6, cout] }, ATTRS),
    ...(kernels === DEPTHWISE
      ? [
          misfitCase(forward, { x, weights: [2, 1, 2] }, ATTRS),
          misfitCase(forward, { x, weights: [2, 3] }, ATTRS),
          misfitCase(filter, { x, dy: [1, 4, 5, 2] }, ATTRS),
        ]
      : []),
    ...(kernels === RING ? [misfitCase(RingConvBias, { x, weights, bias: [3] }, ATTRS)] : []),
    ...(kernels === GROUPED
      ? [
          misfitCase(forward, { x, weights: [2, 1, 4] }, ATTRS),
          misfitCase(forward, { x, weights }, { ...ATTRS, groups: 0 }),
          misfitCase(input, { dy: [1, 4, 5, 4], weights: [2, 1, 4] }, ATTRS),
          misfitCase(filter, { x, dy: [1, 4, 5, 4] }, ATTRS),
        ]
      : []),
  ];
}

async function checkKernels(problem: KernelProblem, of: RingKernels): Promise<void> {
  const kernels = of as typeof GROUPED;
  const { kernelSize } = problem;
  const given = problem.shape[problem.shape.length - 1];
  const groups = of === DEPTHWISE ? given : of === GROUPED ? GROUPS : 1;
  const [channels, outChannels] =
    of === DEPTHWISE ? [given, given] : [given * groups, problem.outChannels * groups];
  const shape = [...problem.shape.slice(0, -1), channels];
  const options = { ...problem.options, groups };
  const random = new Random(7);
  const partition = ringPartition(kernelSize, { circular: options.circular });
  const geometry = geometryAt({ ...options, kernelSize }, shape.slice(1, -1));
  const draw = (sizes: readonly number[]) => ({
    data: Float32Array.from({ length: product(sizes) }, () => random.normal()),
    shape: sizes,
  });
  const weightShape = [partition.numRings, channels / groups, outChannels];
  const numbers = { x: draw(shape), weights: draw(weightShape) };
  const parameters = { weights: numbers.weights.data };
  const expected = referenceGmrConv(numbers.x.data, shape, parameters, { ...options, kernelSize });
  const gradY = draw(expected.shape);
  const gradients = referenceGmrConvGrad(numbers.x.data, shape, parameters, gradY.data, {
    ...options,
    kernelSize,
  });
  const attrs: GroupedRingConvAttrs = {
    groups,
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
  const y = runKernel(kernels.forward, { x, weights }, attrs);
  await checkAndDispose(`y of ${kernels.forward.name}`, "output", y, {
    data: expected.y,
    shape: expected.shape,
  });
  // With x, backends may compute both gradients at once.
  for (const both of [{}, { x }]) {
    const dx = runKernel(kernels.input, { dy, weights, ...both }, attrs);
    const dw = runKernel(kernels.filter, { x, dy }, attrs);
    await checkAndDispose(`dx of ${kernels.input.name}`, "gradient", dx, { data: gradients.x, shape });
    await checkAndDispose(`dW of ${kernels.filter.name}`, "gradient", dw, {
      data: gradients.weights,
      shape: weightShape,
    });
  }
  tf.dispose([x, weights, dy]);
}
