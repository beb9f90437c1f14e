// gmrConv2d: the op. Options are validated into a plan once; then data flows mixture → ring convolution → bias.

import {
  type ConvGeometry,
  convGeometry,
  describeValue,
  GmrError,
  type Pad,
  type PadMode,
  type PerAxis,
  type RingPartition,
  ringMasks,
  ringPartition,
} from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkTensor, checkVector } from "./checks.ts";
import { hasKernel, RingConv, type RingConvAttrs, registerGradients, runKernel } from "./kernels.ts";
import { mixRingWeights } from "./mixture.ts";
import { padSpatial } from "./padding.ts";
import { checkStrategy, resolveStrategy, type Strategy } from "./strategy.ts";
import { subsample } from "./subsample.ts";

export interface GmrConv2dOptions {
  /** Kernel height and width; odd. One number for both. */
  kernelSize: PerAxis;
  /** Default 1. */
  strides?: PerAxis | undefined;
  /** `"same"`, `"valid"`, or pixels added on each side, one number or [height, width]. Default `"valid"`. */
  pad?: Pad | undefined;
  /** What lies outside the image. Default `"zeros"`. */
  padMode?: PadMode | undefined;
  /** Default 1. */
  dilations?: PerAxis | undefined;
  /** Default 1. */
  groups?: number | undefined;
  /** Leave the corners of the kernel out of every ring. Default true. */
  circular?: boolean | undefined;
  /** [R] logarithms of the mixture's standard deviations, in rings; without them the rings are not mixed. */
  logSigmas?: tf.Tensor1D | undefined;
  /**
   * [R, Πk] share of each kernel position in each ring, row-major, instead of the 0/1 masks of the partition; for
   * trained masks. Needs the dense strategy, since such rings are neither equal-weighted nor symmetric.
   */
  masks?: tf.Tensor2D | undefined;
  /** [Cout] added to the output. */
  bias?: tf.Tensor1D | undefined;
  /** Default `"auto"`. */
  strategy?: Strategy | undefined;
}

/**
 * Gaussian mixture ring convolution in two dimensions:
 * `y = Σ_l S_l(x) · W'_l + bias`, `W'_l = Σ_r G[r, l] w_r`, where S_l(x) is the sum of the pixels on ring l
 * (Du et al., arXiv 2504.02819). Differentiable in x, weights, logSigmas, masks and bias on every backend.
 *
 * @param x [N, H, W, Cin] or [H, W, Cin], float32
 * @param weights [R, Cin/groups, Cout], one matrix per ring; R is the number of rings
 * @returns [N, H', W', Cout], or [H', W', Cout]
 * @throws GmrError `invalid-shape` or `invalid-argument`, naming the value and what was expected
 */
export function gmrConv2d<T extends tf.Tensor3D | tf.Tensor4D>(
  x: T,
  weights: tf.Tensor3D,
  options: GmrConv2dOptions,
): T {
  const plan = validate(x, weights, options);
  registerGradients();
  return tf.tidy(() => {
    const batched = x.rank === 3 ? x.expandDims<tf.Tensor4D>(0) : x;
    const mixed = options.logSigmas ? mixRingWeights(weights, options.logSigmas) : weights;
    let y =
      plan.groups === 1
        ? convolve(batched, mixed, plan)
        : convolveGroups(batched as tf.Tensor4D, mixed, plan);
    if (options.bias) y = y.add(options.bias);
    return (x.rank === 3 ? y.squeeze([0]) : y) as T;
  });
}

interface ConvPlan {
  partition: RingPartition;
  geometry: ConvGeometry;
  groups: number;
  strategy: "ring" | "dense";
  masks: tf.Tensor2D | undefined;
}

function validate(x: tf.Tensor, weights: tf.Tensor, options: GmrConv2dOptions): ConvPlan {
  checkTensor("x", x, [3, 4], "[N, H, W, Cin] or [H, W, Cin]");
  checkTensor("weights", weights, [3], "[R, Cin/groups, Cout]");
  if (options?.kernelSize === undefined) {
    throw new GmrError("invalid-argument", "kernelSize must be given, got undefined");
  }
  const groups = options.groups ?? 1;
  if (!Number.isInteger(groups) || groups < 1) {
    throw new GmrError("invalid-argument", `groups must be a positive integer, got ${describeValue(groups)}`);
  }
  const [numRings, groupChannels, outChannels] = weights.shape as [number, number, number];
  const channels = x.shape[x.rank - 1];
  if (groupChannels * groups !== channels) {
    throw new GmrError(
      "invalid-shape",
      `weights [${weights.shape}] with ${groups} group(s) need x with ${groupChannels * groups} channels, ` +
        `got x [${x.shape}]`,
    );
  }
  if (outChannels % groups !== 0) {
    throw new GmrError("invalid-shape", `groups (${groups}) must divide the ${outChannels} output channels`);
  }
  const partition = partitionOf(options.kernelSize, numRings, options.circular ?? true);
  const { logSigmas, bias } = options;
  if (logSigmas !== undefined) checkVector("logSigmas", logSigmas, numRings, "one per ring");
  if (bias !== undefined) checkVector("bias", bias, outChannels, "one per output channel");
  const { masks } = options;
  const strategy = checkStrategy(options.strategy ?? "auto");
  if (masks !== undefined) checkMasks(masks, strategy, partition);
  const geometry = convGeometry({
    inputSize: x.shape.slice(-3, -1),
    kernelSize: partition.kernelSize,
    strides: options.strides,
    pad: options.pad,
    dilations: options.dilations,
    padMode: options.padMode,
  });
  return {
    partition,
    geometry,
    groups,
    strategy: masks ? "dense" : resolveStrategy(strategy),
    masks,
  };
}

function checkMasks(masks: tf.Tensor2D, strategy: Strategy, partition: RingPartition): void {
  const expected = [partition.numRings, partition.index.length];
  checkTensor("masks", masks, [2], `[${expected}] (rings, kernel positions)`);
  if (masks.shape.join() !== expected.join()) {
    throw new GmrError(
      "invalid-shape",
      `masks must have shape [${expected}] (rings, kernel positions), got [${masks.shape}]`,
    );
  }
  if (strategy === "ring") {
    throw new GmrError("unsupported", 'masks need strategy "dense" or "auto", got "ring"');
  }
}

/** A partition with what the kernels and the composed paths need of it, remembered: networks use few of them. */
const partitions = new Map<string, RingPartition>();

function partitionOf(kernelSize: PerAxis, numRings: number, circular: boolean): RingPartition {
  const key = `${kernelSize}/${numRings}/${circular}`;
  let partition = partitions.get(key);
  if (!partition) {
    partition = ringPartition(kernelSize, { rank: 2, numRings, circular });
    partitions.set(key, partition);
  }
  return partition;
}

function convolveGroups(x: tf.Tensor4D, weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor4D {
  const inputs = tf.split<tf.Tensor4D>(x, plan.groups, 3);
  const kernels = tf.split<tf.Tensor3D>(weights, plan.groups, 2);
  return tf.concat(
    inputs.map((input, g) => convolve(input, kernels[g], plan)),
    3,
  );
}

function convolve(x: tf.Tensor, weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor4D {
  const { geometry } = plan;
  if (geometry.padMode !== "zeros") {
    const padded = padSpatial(x, geometry.padding, geometry.padMode);
    const none = geometry.padding.map(() => [0, 0] as const);
    const inputSize = padded.shape.slice(1, -1);
    return convolve(padded, weights, {
      ...plan,
      geometry: { ...geometry, padMode: "zeros", padding: none, inputSize },
    });
  }
  if (plan.strategy === "dense") return denseConv(x as tf.Tensor4D, weights, plan);
  if (!hasKernel(RingConv)) return composedRingConv(x as tf.Tensor4D, weights, plan);
  const attrs: RingConvAttrs = {
    kernelSize: [...plan.partition.kernelSize],
    ringIndex: Array.from(plan.partition.index),
    numRings: plan.partition.numRings,
    strides: [...geometry.strides],
    dilations: [...geometry.dilations],
    padBefore: geometry.padding.map(([before]) => before),
    inputSize: [...geometry.inputSize],
    outputSize: [...geometry.outputSize],
  };
  return runKernel(RingConv, { x, weights }, attrs) as tf.Tensor4D;
}

/** Ring masks [positions, L] over the kernel's extent: the gaps of a dilated kernel belong to no ring. */
function spreadMasks({ partition, geometry, masks }: ConvPlan): tf.Tensor2D {
  const positions = partition.index.length;
  const values =
    masks ?? tf.tensor2d(Float32Array.from(ringMasks(partition)), [partition.numRings, positions]);
  if (geometry.dilations.every((dilation) => dilation === 1)) return values.transpose();
  // The stock convolutions have no gradients for dilations, so each position goes to its place among zeros.
  const [, kernelW] = partition.kernelSize;
  const [extentH, extentW] = geometry.extent;
  const [dilationH, dilationW] = geometry.dilations;
  const places = new Float32Array(extentH * extentW * positions);
  for (let position = 0; position < positions; position++) {
    const row = Math.floor(position / kernelW) * dilationH;
    const column = (position % kernelW) * dilationW;
    places[(row * extentW + column) * positions + position] = 1;
  }
  return tf.matMul(tf.tensor2d(places, [extentH * extentW, positions]), values, false, true);
}

function explicitPadding(geometry: ConvGeometry): "valid" | tf.backend_util.ExplicitPadding {
  if (geometry.padding.every(([before, after]) => before === 0 && after === 0)) return "valid";
  const [[top, bottom], [left, right]] = geometry.padding as [[number, number], [number, number]];
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

/** Folds mixed weights [L, Cin, Cout] into a dense kernel [h, w, Cin, Cout], then convolves. */
function denseConv(x: tf.Tensor4D, weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor4D {
  const [rings, cin, cout] = weights.shape;
  const [h, w] = plan.geometry.extent as [number, number];
  const kernel = tf
    .matMul(spreadMasks(plan), weights.reshape<tf.Tensor2D>([rings, cin * cout]))
    .reshape<tf.Tensor4D>([h, w, cin, cout]);
  const [sh, sw] = plan.geometry.strides as [number, number];
  return tf.conv2d(x, kernel, [sh, sw], explicitPadding(plan.geometry));
}

/** Ring sums by a depthwise convolution with constant 0/1 masks, then one matrix product over (channel, ring). */
function composedRingConv(x: tf.Tensor4D, weights: tf.Tensor3D, plan: ConvPlan): tf.Tensor4D {
  const { geometry } = plan;
  const [rings, cin, cout] = weights.shape;
  const [h, w] = geometry.extent as [number, number];
  const masks = spreadMasks(plan).reshape<tf.Tensor4D>([h, w, 1, rings]).tile<tf.Tensor4D>([1, 1, cin, 1]);
  const padded = padSpatial(x, geometry.padding, "zeros") as tf.Tensor4D;
  // TensorFlow.js supports only equal strides in depthwise convolutions: take every pixel and drop the others.
  const [sh, sw] = geometry.strides as [number, number];
  const equal = sh === sw;
  let sums = tf.depthwiseConv2d(padded, masks, equal ? [sh, sw] : 1, "valid");
  const [outH, outW] = geometry.outputSize as [number, number];
  if (!equal) sums = subsample(subsample(sums, 1, sh, outH), 2, sw, outW) as tf.Tensor4D;
  const product = tf.matMul(
    sums.reshape<tf.Tensor2D>([-1, cin * rings]),
    weights.transpose<tf.Tensor3D>([1, 0, 2]).reshape<tf.Tensor2D>([cin * rings, cout]),
  );
  return product.reshape([x.shape[0], outH, outW, cout]);
}
