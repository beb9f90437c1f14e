// The convolutions of the suite: a fixed list that covers every option and every special path of a kernel, and seeded
// random ones.

import {
  type ConvGeometry,
  GmrError,
  geometryAt,
  type PadMode,
  product,
  Random,
  type Rank,
} from "@gmr-conv/core";
import { type ConvProblem, productCount } from "./convProblem.ts";

export const FIXED_PROBLEMS: readonly ConvProblem[] = [
  // Kernel sizes and channel counts: multiples of 16, 8 and 4, one off them, and 1.
  { shape: [1, 5, 6, 1], outChannels: 1, options: { kernelSize: 1 } },
  { shape: [2, 7, 5, 4], outChannels: 5, options: { kernelSize: 1, pad: 1, circular: false } },
  { shape: [2, 8, 8, 1], outChannels: 3, options: { kernelSize: 3, pad: "same" } },
  { shape: [2, 9, 10, 3], outChannels: 8, options: { kernelSize: 5, pad: "same" } },
  { shape: [1, 12, 12, 8], outChannels: 4, options: { kernelSize: 7, pad: "same" } },
  { shape: [1, 11, 13, 5], outChannels: 7, options: { kernelSize: 9, pad: "same" } },
  { shape: [1, 14, 12, 2], outChannels: 6, options: { kernelSize: 11, pad: "same" } },
  { shape: [2, 7, 7, 16], outChannels: 16, options: { kernelSize: 3, pad: 1 } },
  { shape: [1, 7, 9, 17], outChannels: 9, options: { kernelSize: 3, pad: 1 } },
  { shape: [1, 6, 7, 24], outChannels: 12, options: { kernelSize: 5, pad: 2 } },
  { shape: [1, 6, 6, 37], outChannels: 37, options: { kernelSize: 5, pad: 2 } },
  { shape: [1, 5, 5, 31], outChannels: 33, options: { kernelSize: 3, pad: "valid" } },
  { shape: [1, 6, 5, 20], outChannels: 2, options: { kernelSize: 3, pad: "same" } },
  { shape: [1, 6, 5, 2], outChannels: 20, options: { kernelSize: 3, pad: "same" } },
  // Anisotropic kernels.
  { shape: [2, 9, 11, 3], outChannels: 4, options: { kernelSize: [5, 9], pad: "same" } },
  { shape: [1, 9, 8, 2], outChannels: 3, options: { kernelSize: [7, 3], pad: [3, 1] } },
  { shape: [1, 6, 9, 3], outChannels: 2, options: { kernelSize: [1, 7], pad: "same" } },
  { shape: [1, 9, 6, 3], outChannels: 2, options: { kernelSize: [7, 1], pad: "same", circular: false } },
  // Rings.
  { shape: [1, 9, 9, 3], outChannels: 4, options: { kernelSize: 5, pad: 2, circular: false } },
  { shape: [1, 9, 9, 3], outChannels: 4, options: { kernelSize: 7, pad: 3, numRings: 1 } },
  { shape: [1, 9, 9, 3], outChannels: 4, options: { kernelSize: 9, pad: 4, numRings: 3 } },
  { shape: [1, 9, 9, 3], outChannels: 4, options: { kernelSize: 5, pad: 2, numRings: 8 } }, // some are empty
  { shape: [1, 9, 9, 3], outChannels: 4, options: { kernelSize: 5, numRings: 1, circular: false } },
  // Mixture and bias.
  { shape: [2, 9, 9, 3], outChannels: 5, options: { kernelSize: 5, pad: 2 }, mixture: "none" },
  { shape: [2, 9, 9, 3], outChannels: 5, options: { kernelSize: 5, pad: 2 }, mixture: "clamped" },
  { shape: [2, 9, 9, 3], outChannels: 5, options: { kernelSize: 9, pad: "same" }, mixture: "clamped" },
  { shape: [2, 9, 9, 3], outChannels: 5, options: { kernelSize: 5 }, mixture: "none", bias: false },
  { shape: [1, 9, 9, 3], outChannels: 5, options: { kernelSize: 7, pad: 3 }, bias: false },
  // Strides, equal and unequal, and the asymmetric padding they cause.
  { shape: [2, 9, 9, 3], outChannels: 4, options: { kernelSize: 3, strides: 2, pad: 1 } },
  { shape: [2, 10, 10, 3], outChannels: 4, options: { kernelSize: 5, strides: 2, pad: "same" } },
  { shape: [1, 11, 10, 4], outChannels: 4, options: { kernelSize: 7, strides: [2, 3], pad: 3 } },
  { shape: [1, 12, 11, 5], outChannels: 3, options: { kernelSize: 3, strides: [3, 1], pad: "same" } },
  { shape: [1, 9, 9, 2], outChannels: 3, options: { kernelSize: 1, strides: 2 } },
  { shape: [1, 10, 11, 3], outChannels: 4, options: { kernelSize: 3, strides: 4, pad: "valid" } }, // gaps
  { shape: [1, 8, 9, 3], outChannels: 2, options: { kernelSize: 5, strides: [1, 2], pad: "same" } },
  // Dilations.
  { shape: [1, 12, 11, 3], outChannels: 4, options: { kernelSize: 5, dilations: 2, pad: 4 } },
  { shape: [1, 12, 12, 3], outChannels: 4, options: { kernelSize: 3, dilations: [2, 3], pad: "same" } },
  {
    shape: [1, 13, 12, 2],
    outChannels: 3,
    options: { kernelSize: 3, dilations: 3, strides: 2, pad: "same" },
  },
  { shape: [1, 11, 10, 3], outChannels: 4, options: { kernelSize: 5, dilations: [1, 2], pad: "valid" } },
  // Other padding modes, symmetric and not.
  { shape: [2, 8, 7, 3], outChannels: 4, options: { kernelSize: 5, pad: 2, padMode: "reflect" } },
  {
    shape: [1, 8, 8, 3],
    outChannels: 4,
    options: { kernelSize: 5, strides: 2, pad: "same", padMode: "reflect" },
  },
  { shape: [2, 8, 7, 3], outChannels: 4, options: { kernelSize: 5, pad: 2, padMode: "replicate" } },
  { shape: [1, 2, 3, 3], outChannels: 4, options: { kernelSize: 7, pad: 5, padMode: "replicate" } },
  { shape: [2, 8, 7, 3], outChannels: 4, options: { kernelSize: 5, pad: [2, 1], padMode: "circular" } },
  {
    shape: [1, 9, 8, 4],
    outChannels: 4,
    options: { kernelSize: 3, strides: 2, pad: "same", padMode: "circular" },
  },
  { shape: [1, 7, 7, 4], outChannels: 4, options: { kernelSize: 3, groups: 2, pad: 1, padMode: "reflect" } },
  // More padding than the kernel reaches; one-sided padding of two axes.
  { shape: [1, 4, 5, 3], outChannels: 3, options: { kernelSize: 3, pad: 4 } },
  { shape: [1, 6, 7, 3], outChannels: 3, options: { kernelSize: 5, pad: [3, 0] } },
  // Groups.
  { shape: [2, 7, 7, 6], outChannels: 4, options: { kernelSize: 5, pad: 2, groups: 2 } },
  { shape: [1, 7, 6, 5], outChannels: 5, options: { kernelSize: 3, pad: 1, groups: 5 } }, // depthwise
  {
    shape: [1, 7, 6, 3],
    outChannels: 6,
    options: { kernelSize: 3, pad: 1, groups: 3, strides: 2 },
    mixture: "none",
  },
  // Groups of several channels: aligned with vectors and blocks of kernels or not, in pairs, many columns, few pixels.
  grouped([2, 9, 8, 16], 16, 8, { kernelSize: 5, pad: 2 }),
  grouped([1, 8, 9, 32], 32, 8, { kernelSize: 3, pad: 1, strides: 2 }),
  grouped([1, 7, 6, 15], 20, 5, { kernelSize: 5, pad: "same", dilations: 2 }),
  grouped([1, 6, 9, 20], 12, 4, { kernelSize: 9, pad: 4, circular: false }),
  grouped([1, 5, 6, 36], 51, 3, { kernelSize: 3, pad: 1 }),
  grouped([1, 6, 5, 48], 32, 2, { kernelSize: 3, pad: "valid" }),
  grouped([2, 5, 4, 14], 7, 7, { kernelSize: 1, strides: 2 }),
  grouped([2, 5, 4, 8], 12, 2, { kernelSize: 1 }),
  grouped([3, 1, 1, 12], 6, 6, { kernelSize: 9, pad: 4 }),
  grouped([1, 1, 1, 6], 9, 3, { kernelSize: 5, pad: 4, strides: 4 }),
  grouped([1, 2, 131, 6], 10, 2, { kernelSize: 3, pad: "same" }),
  grouped([5, 24, 24, 6], 6, 3, { kernelSize: 5, pad: 2 }),
  grouped([2, 5, 6, 18], 12, 6, { kernelSize: 5, pad: 2, strides: 2, outputPadding: 1, transposed: true }),
  { ...grouped([2, 19, 12], 8, 4, { kernelSize: 7, pad: 3, strides: 2 }), rank: 1 },
  { ...grouped([1, 4, 5, 3, 10], 20, 5, { kernelSize: 3, pad: 1, strides: [1, 2, 1] }), rank: 3 },
  { ...grouped([1, 3, 4, 3, 8], 4, 2, { kernelSize: 3, pad: 1, transposed: true }), rank: 3 },
  // Each channel by itself: channel counts as above, then what else kernels treat specially.
  ...[2, 4, 8, 16, 17, 24, 31].map((channels) => depthwise([2, 7, 9, channels], { kernelSize: 5, pad: 2 })),
  depthwise([1, 13, 12, 37], { kernelSize: 9, pad: "same", strides: 2 }),
  depthwise([2, 11, 9, 6], { kernelSize: [7, 3], pad: [3, 1], strides: [1, 2], dilations: [1, 2] }),
  depthwise([1, 9, 8, 20], { kernelSize: 3, dilations: 2, strides: 3, pad: "same", circular: false }),
  depthwise([1, 7, 8, 5], { kernelSize: 5, pad: 2, padMode: "reflect" }),
  depthwise([3, 2, 2, 20], { kernelSize: 9, pad: 4 }),
  depthwise([1, 1, 1, 30], { kernelSize: 5, pad: 4, strides: 4 }),
  depthwise([1, 3, 131, 3], { kernelSize: 3, pad: "same" }),
  depthwise([5, 24, 24, 3], { kernelSize: 5, pad: 2 }),
  depthwise([9, 8, 18], { kernelSize: 5, numRings: 8, pad: 2 }),
  depthwise([2, 6, 5, 6], { kernelSize: 5, pad: 2, strides: 2, outputPadding: 1, transposed: true }),
  depthwise([1, 5, 6, 3], { kernelSize: 3, dilations: 2, transposed: true, circular: false }),
  depthwise([2, 7, 9, 5], { kernelSize: 5, pad: 2 }, 3),
  depthwise([1, 8, 6, 16], { kernelSize: 3, pad: "same", padMode: "circular" }, 2),
  depthwise([2, 5, 6, 3], { kernelSize: 3, pad: 1, strides: 2, outputPadding: 1, transposed: true }, 4),
  { ...depthwise([2, 17, 3], { kernelSize: 5, pad: 2 }, 2), rank: 1 },
  { ...depthwise([1, 4, 3, 5, 3], { kernelSize: 3, pad: 1 }, 2), rank: 3 },
  { ...depthwise([1, 6, 7, 4], { kernelSize: 3, pad: 1 }, 2), masks: true },
  { ...depthwise([1, 6, 7, 4], { kernelSize: 5, pad: 1 }), masks: true },
  { ...depthwise([1, 4, 5, 4], { kernelSize: 3, strides: 2, transposed: true }), masks: true },
  { ...depthwise([2, 33, 9], { kernelSize: 7, pad: 3, strides: 2 }), rank: 1 },
  { ...depthwise([2, 4, 5, 6, 7], { kernelSize: 3, strides: [1, 2, 1], pad: 1 }), rank: 3 },
  { ...depthwise([1, 3, 4, 3, 5], { kernelSize: 5, pad: 2, transposed: true }), rank: 3 },
  // Custom masks.
  { shape: [2, 8, 7, 3], outChannels: 5, options: { kernelSize: 5, pad: 2 }, masks: true },
  {
    shape: [1, 9, 8, 4],
    outChannels: 6,
    options: { kernelSize: 3, dilations: 2, groups: 2, pad: "same" },
    masks: true,
  },
  {
    shape: [1, 9, 9, 2],
    outChannels: 3,
    options: { kernelSize: [3, 5], strides: 2 },
    mixture: "none",
    masks: true,
  },
  // Images smaller than the kernel.
  { shape: [2, 1, 1, 5], outChannels: 6, options: { kernelSize: 3, pad: "same" } },
  { shape: [3, 1, 1, 4], outChannels: 4, options: { kernelSize: 9, pad: "same" } },
  { shape: [2, 2, 2, 3], outChannels: 4, options: { kernelSize: 9, pad: 4 } },
  { shape: [2, 1, 4, 3], outChannels: 4, options: { kernelSize: 11, pad: 5 } },
  { shape: [2, 4, 1, 3], outChannels: 4, options: { kernelSize: 7, pad: "same", strides: 2 } },
  { shape: [1, 1, 1, 3], outChannels: 5, options: { kernelSize: 5, pad: 4, strides: 4 } }, // reaches corners only
  { shape: [1, 3, 3, 17], outChannels: 5, options: { kernelSize: 11, pad: "same", circular: false } },
  // Wide rows, which tiles split; several images; one image without a batch axis.
  { shape: [1, 3, 97, 3], outChannels: 4, options: { kernelSize: 3, pad: "same" } },
  { shape: [2, 2, 130, 2], outChannels: 3, options: { kernelSize: 5, pad: "same", strides: [1, 2] } },
  { shape: [1, 3, 201, 5], outChannels: 3, options: { kernelSize: 3, pad: 1, dilations: [1, 2] } },
  { shape: [1, 2, 259, 1], outChannels: 2, options: { kernelSize: 7, pad: 3, strides: [2, 2] } },
  { shape: [9, 3, 5, 3], outChannels: 4, options: { kernelSize: 5, pad: 2 } },
  { shape: [5, 24, 24, 18], outChannels: 3, options: { kernelSize: 3, pad: 1 } },
  { shape: [9, 10, 3], outChannels: 4, options: { kernelSize: 5, pad: "same", strides: 2 } },
  { shape: [6, 6, 4], outChannels: 4, options: { kernelSize: 3, groups: 2, padMode: "circular", pad: 1 } },
  // One dimension.
  { rank: 1, shape: [2, 20, 3], outChannels: 5, options: { kernelSize: 5, pad: "same" } },
  { rank: 1, shape: [1, 40, 6], outChannels: 4, options: { kernelSize: 9, pad: 4, strides: 2 } },
  { rank: 1, shape: [2, 17, 4], outChannels: 6, options: { kernelSize: 3, dilations: 3, groups: 2 } },
  { rank: 1, shape: [2, 12, 3], outChannels: 2, options: { kernelSize: 7, pad: 3, padMode: "reflect" } },
  { rank: 1, shape: [30, 2], outChannels: 3, options: { kernelSize: 5, circular: false, pad: "same" } },
  { rank: 1, shape: [1, 9, 2], outChannels: 3, options: { kernelSize: 5, strides: 2 }, masks: true },
  // Three dimensions.
  { rank: 3, shape: [2, 5, 6, 7, 3], outChannels: 4, options: { kernelSize: 3, pad: "same" } },
  { rank: 3, shape: [1, 4, 9, 8, 5], outChannels: 3, options: { kernelSize: [3, 7, 7], pad: [1, 3, 3] } },
  {
    rank: 3,
    shape: [1, 7, 7, 9, 2],
    outChannels: 9,
    options: { kernelSize: 5, strides: 2, circular: false, pad: 2 },
  },
  {
    rank: 3,
    shape: [1, 7, 6, 8, 4],
    outChannels: 3,
    options: { kernelSize: 3, dilations: [2, 1, 3], pad: 2 },
  },
  {
    rank: 3,
    shape: [1, 6, 5, 6, 4],
    outChannels: 6,
    options: { kernelSize: 3, strides: [1, 2, 3], groups: 2 },
  },
  { rank: 3, shape: [2, 1, 2, 2, 3], outChannels: 3, options: { kernelSize: 5, pad: "same" } },
  { rank: 3, shape: [4, 5, 6, 2], outChannels: 3, options: { kernelSize: 3, pad: 1, padMode: "replicate" } },
  { rank: 3, shape: [1, 5, 4, 5, 2], outChannels: 3, options: { kernelSize: 3, pad: 1 }, masks: true },
  // Transposed.
  { shape: [2, 7, 7, 3], outChannels: 4, options: transposed({ kernelSize: 3, strides: 2, pad: 1 }) },
  {
    shape: [2, 7, 6, 3],
    outChannels: 4,
    options: transposed({ kernelSize: 3, strides: 2, pad: 1, outputPadding: 1 }),
  },
  { shape: [1, 6, 7, 4], outChannels: 5, options: transposed({ kernelSize: 5, pad: "same" }) },
  { shape: [1, 5, 4, 4], outChannels: 6, options: transposed({ kernelSize: 5, groups: 2, strides: [3, 1] }) },
  { shape: [1, 5, 6, 3], outChannels: 2, options: transposed({ kernelSize: 3, strides: 4, pad: "same" }) },
  {
    shape: [1, 5, 6, 3],
    outChannels: 2,
    options: transposed({ kernelSize: 3, dilations: 3, outputPadding: [2, 0], circular: false }),
  },
  { shape: [1, 5, 5, 3], outChannels: 2, options: transposed({ kernelSize: 3, pad: 3 }) },
  { shape: [6, 5, 3], outChannels: 2, options: transposed({ kernelSize: 5, strides: 2 }), masks: true },
  { rank: 1, shape: [2, 9, 3], outChannels: 4, options: transposed({ kernelSize: 5, strides: 3, pad: 1 }) },
  {
    rank: 1,
    shape: [1, 9, 4],
    outChannels: 2,
    options: transposed({ kernelSize: 7, strides: 2, pad: 2, outputPadding: 1, groups: 2 }),
  },
  { rank: 3, shape: [1, 4, 3, 4, 3], outChannels: 4, options: transposed({ kernelSize: 3, pad: 1 }) },
  {
    rank: 3,
    shape: [2, 3, 4, 3, 2],
    outChannels: 3,
    options: transposed({ kernelSize: 5, strides: 2, pad: 2, outputPadding: [1, 0, 1] }),
  },
  {
    rank: 3,
    shape: [1, 3, 3, 4, 2],
    outChannels: 3,
    options: transposed({ kernelSize: 3, strides: [2, 1, 2] }),
    masks: true,
  },
];

function grouped(
  shape: readonly number[],
  outChannels: number,
  groups: number,
  options: ConvProblem["options"],
): ConvProblem {
  return { shape, outChannels, options: { ...options, groups } };
}

/** @param multiplier channels of y for each of x, or, transposed, of x for each of y */
function depthwise(shape: readonly number[], options: ConvProblem["options"], multiplier = 1): ConvProblem {
  const channels = shape[shape.length - 1];
  if (!options.transposed) {
    return { shape, outChannels: channels * multiplier, options: { ...options, groups: channels } };
  }
  const images = [...shape.slice(0, -1), channels * multiplier];
  return { shape: images, outChannels: channels, options: { ...options, groups: channels } };
}

function transposed(options: ConvProblem["options"]): ConvProblem["options"] {
  return { ...options, transposed: true };
}

/** Products in the reference, limited so that a random problem takes a few milliseconds. */
const MAX_PRODUCTS = 60_000;
/** Values of y, enough to make a largest value far below the typical one unlikely: it would magnify rounding. */
const MIN_OUTPUTS = 24;

/** A list of random problems, reproducible by seed. @param byChannel whether each channel is by itself */
export function randomProblems(count: number, rank: Rank, seed: number, byChannel = false): ConvProblem[] {
  const random = new Random(seed);
  const problems: ConvProblem[] = [];
  while (problems.length < count) {
    const drawn = drawProblem(random, rank);
    const problem = byChannel
      ? { ...drawn, ...depthwise(drawn.shape, drawn.options, 1 + random.int(3)) }
      : drawn;
    const geometry = geometryOf(problem);
    if (!geometry || productCount(problem, geometry) > MAX_PRODUCTS) continue;
    const outputs = product(geometry.outputSize) * problem.outChannels;
    if (outputs >= MIN_OUTPUTS && outputs <= MAX_PRODUCTS) problems.push(problem);
  }
  return problems;
}

/** The largest kernel and the usual sizes of images for each number of axes. */
const LARGEST = { 1: [21, 200], 2: [11, 60], 3: [7, 20] } as const;

function drawProblem(random: Random, rank: Rank): ConvProblem {
  const [largestKernel, largestSize] = LARGEST[rank];
  const chance = (probability: number) => random.uniform() < probability;
  const pick = <T>(...values: readonly T[]): T => values[random.int(values.length)];
  const odd = () => 2 * random.int((largestKernel + 1) / 2) + 1;
  const groups = chance(0.2) ? 1 + random.int(4) : 1;
  const channels = () =>
    groups * (groups > 1 ? 1 + random.int(5) : pick(1 + random.int(8), 1 + random.int(37)));
  const size = () =>
    pick(1 + random.int(5), 1 + random.int(Math.ceil(largestSize / 3)), 1 + random.int(largestSize));
  const each = (draw: () => number) => Array.from({ length: rank }, draw);
  const perAxis = (draw: () => number) => (chance(0.3) ? each(draw) : draw());
  const kernelSize = perAxis(odd);
  const largest = typeof kernelSize === "number" ? kernelSize : Math.max(...kernelSize);

  const options: ConvProblem["options"] = { kernelSize };
  if (chance(0.4)) options.strides = perAxis(() => 1 + random.int(3));
  if (chance(0.8)) options.pad = chance(0.4) ? "same" : perAxis(() => random.int(largest + 1));
  if (chance(0.25)) options.dilations = perAxis(() => 1 + random.int(3));
  const kind = random.uniform();
  if (kind < 0.25) {
    options.transposed = true;
    if (chance(0.4)) options.outputPadding = perAxis(() => random.int(3));
  } else if (kind < 0.45) {
    options.padMode = pick<PadMode>("reflect", "replicate", "circular");
  }
  if (groups > 1) options.groups = groups;
  if (chance(0.3)) options.circular = false;
  if (chance(0.2)) options.numRings = 1 + random.int(8);

  const image = [...each(size), channels()];
  const problem: ConvProblem = {
    rank,
    shape: chance(0.1) ? image : [1 + random.int(4), ...image],
    outChannels: channels(),
    options,
  };
  if (chance(0.3)) problem.mixture = pick("none", "clamped");
  if (chance(0.3)) problem.bias = false;
  if (chance(0.1)) problem.masks = true;
  return problem;
}

/** The sizes of a problem, or undefined if they do not fit together. */
function geometryOf({ rank = 2, shape, options }: ConvProblem): ConvGeometry | undefined {
  try {
    return geometryAt(options, shape.slice(-rank - 1, -1));
  } catch (error) {
    if (error instanceof GmrError) return undefined;
    throw error;
  }
}
