// What kernels check before they touch memory: WebAssembly would read and write past the end of a tensor that is
// smaller than expected.

import { checkPositiveInteger, describeValue, GmrError, product } from "@gmr-conv/core";
import type * as tf from "@tensorflow/tfjs";

/** The geometry that the ring convolution kernels share; one entry per spatial axis. */
export interface RingConvAttrs extends tf.NamedAttrMap {
  kernelSize: number[];
  /** Ring of each kernel position, row-major; -1 for none. Symmetric under reflection in every axis. */
  ringIndex: number[];
  /** Number of weight matrices L. */
  numRings: number;
  strides: number[];
  dilations: number[];
  /** Zeros before the first pixel; those after the last one follow from `outputSize`. */
  padBefore: number[];
  inputSize: number[];
  outputSize: number[];
}

/** The geometry of ring convolutions in groups, which divide Cin and Cout. */
export interface GroupedRingConvAttrs extends RingConvAttrs {
  groups: number;
}

type Infos = Readonly<Record<string, tf.TensorInfo>>;

/** Checks a tensor's dtype, and its shape if given. */
export function checkInfo(name: string, info: tf.TensorInfo, shape: readonly number[] = info.shape): void {
  if (info.dtype !== "float32") {
    throw new GmrError("invalid-argument", `${name} must have dtype float32, got ${info.dtype}`);
  }
  if (info.shape.length === shape.length && info.shape.every((size, axis) => size === shape[axis])) return;
  throw new GmrError("invalid-shape", `${name} must have shape [${shape}], got [${info.shape}]`);
}

/** Checks that all tensors have the shape of the first. */
export function checkEqual(infos: Infos): void {
  const [first] = Object.values(infos);
  for (const name in infos) checkInfo(name, infos[name], first.shape);
}

/** Checks x [..., C], tensors of the same shape, and vectors [C]; `perImage`, mean and variance are [N, C]. */
export function checkNorm(x: tf.TensorInfo, same: Infos, vectors: Infos, perImage: boolean): void {
  checkInfo("x", x);
  for (const name in same) checkInfo(name, same[name], x.shape);
  const channels = x.shape.slice(-1);
  const statistics = perImage ? [x.shape[0], ...channels] : channels;
  for (const name in vectors) {
    checkInfo(name, vectors[name], name === "mean" || name === "variance" ? statistics : channels);
  }
}

/** Checks logSigmas [R] and weights [R, ...], with other tensors of the same shape. */
export function checkMixture(logSigmas: tf.TensorInfo, weights: Infos): void {
  checkEqual(weights);
  const [[name, { shape }]] = Object.entries(weights);
  if (shape.length === 0) throw new GmrError("invalid-shape", `${name} must have shape [R, ...], got []`);
  checkInfo("logSigmas", logSigmas, shape.slice(0, 1));
}

/** Checks scale [P] and x [N, ..., C] with P positions. */
export function checkPositions(x: tf.TensorInfo, scale: tf.TensorInfo): void {
  checkInfo("x", x);
  checkInfo("scale", scale, [product(x.shape.slice(1, -1))]);
}

/**
 * Checks a ring convolution's tensors against its attributes.
 * @param input [N, ...in, Cin], @param output [N, ...out, Cout], @param weights [L, Cin / groups, Cout]
 * @param kind `depthwise`, each channel by itself: input and output have C channels, weights are [L, 1, C]; or groups
 */
export function checkRingConv(
  { input, output, weights }: { input?: tf.TensorInfo; output?: tf.TensorInfo; weights?: tf.TensorInfo },
  attrs: RingConvAttrs,
  kind: "depthwise" | number = 1,
): void {
  const { kernelSize, ringIndex, numRings, inputSize, outputSize } = attrs;
  const { strides, dilations, padBefore } = attrs;
  const rank = kernelSize.length;
  for (const [name, list] of Object.entries({ strides, dilations, padBefore, inputSize, outputSize })) {
    if (list.length === rank) continue;
    throw new GmrError("invalid-argument", `${name} must have ${rank} entries, got ${describeValue(list)}`);
  }
  if (ringIndex.length !== product(kernelSize) || ringIndex.some((ring) => ring >= numRings)) {
    throw new GmrError(
      "invalid-argument",
      `ringIndex must hold a ring below ${numRings} for each of ${product(kernelSize)} positions`,
    );
  }
  const images = (input ?? output)?.shape[0] ?? 0;
  const depthwise = kind === "depthwise";
  const lastOf = (info?: tf.TensorInfo): number | undefined => info?.shape[info.shape.length - 1];
  const given = lastOf(output) ?? weights?.shape[2] ?? 0;
  const cin = lastOf(input) ?? (depthwise ? given : kind * (weights?.shape[1] ?? 0));
  const cout = depthwise ? cin : given;
  const groups = depthwise ? cin : checkPositiveInteger("groups", kind);
  if (cin % groups || cout % groups) {
    throw new GmrError("invalid-shape", `groups (${groups}) must divide ${cin} and ${cout} channels`);
  }
  if (input) checkInfo("x", input, [images, ...inputSize, cin]);
  if (output) checkInfo("dy", output, [images, ...outputSize, cout]);
  if (weights) checkInfo("weights", weights, [numRings, depthwise ? 1 : cin / groups, cout]);
}
