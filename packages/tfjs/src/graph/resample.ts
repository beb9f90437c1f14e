// Padding, cropping and resizing by stock layers. What no stock layer does is a matrix product along an axis: with a
// constant 0/1 matrix, each output position copies one input position, or is zero.

import { GmrError, type PadMode } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { applyLayer } from "./cloneLayer.ts";
import type { UniqueName } from "./rebuild.ts";

/** Positions added before and after an axis; negative numbers crop. */
export type Margins = readonly (readonly [before: number, after: number])[];

/**
 * Pads or crops the spatial axes of x [N, ...spatial, C].
 * @param margins one entry per spatial axis; all of one sign
 * @param owner name of the layer that needs it
 * @throws GmrError `unsupported` for an axis of unknown size, unless x has two spatial axes and the mode is zeros
 */
export function resample(
  x: tf.SymbolicTensor,
  margins: Margins,
  mode: PadMode,
  owner: string,
  name: UniqueName,
): tf.SymbolicTensor {
  if (margins.every(([before, after]) => before === 0 && after === 0)) return x;
  if (margins.length === 2 && mode === "zeros") return resampleByZeros(x, margins, owner, name);
  return margins.reduce(
    (y, [before, after], i) =>
      before === 0 && after === 0 ? y : resampleAxis(y, i + 1, before, after, mode, owner, name),
    x,
  );
}

function resampleByZeros(
  x: tf.SymbolicTensor,
  margins: Margins,
  owner: string,
  name: UniqueName,
): tf.SymbolicTensor {
  const amounts = margins.map(([before, after]) => [Math.abs(before), Math.abs(after)]) as [
    [number, number],
    [number, number],
  ];
  const layer = margins.flat().some((n) => n < 0)
    ? tf.layers.cropping2D({ cropping: amounts, name: name(`${owner}.crop`) })
    : tf.layers.zeroPadding2d({ padding: amounts, name: name(`${owner}.pad`) });
  return applyLayer(layer, [x])[0];
}

function resampleAxis(
  x: tf.SymbolicTensor,
  axis: number,
  before: number,
  after: number,
  mode: PadMode,
  owner: string,
  name: UniqueName,
): tf.SymbolicTensor {
  const size = x.shape[axis];
  if (size == null) {
    throw new GmrError(
      "unsupported",
      `layer ${owner} needs inputs of known size for its padding, got [${x.shape.map((n) => n ?? "null")}]`,
    );
  }
  const sources = sourcePositions(size, before, after, mode);
  const matrix = new Float32Array(size * sources.length);
  sources.forEach((source, position) => {
    if (source !== undefined) matrix[source * sources.length + position] = 1;
  });
  return multiplyAxis(x, axis, matrix, `${owner}.pad`, name);
}

/**
 * Multiplies an axis of x by a constant matrix, in stock layers: y[…, j, …] = Σ_i x[…, i, …] · matrix[i, j].
 * @param axis of x [N, ...], from 1 to its last but one; of known size
 * @param matrix [size, new size], row-major
 * @param owner begins the names of the new layers
 */
export function multiplyAxis(
  x: tf.SymbolicTensor,
  axis: number,
  matrix: Float32Array,
  owner: string,
  name: UniqueName,
): tf.SymbolicTensor {
  const size = x.shape[axis] ?? 0;
  const units = matrix.length / size;
  // Swaps the axis with the last one, and back.
  const dims = x.shape.slice(1).map((_, i) => i + 1);
  dims[axis - 1] = dims.length;
  dims[dims.length - 1] = axis;
  const swap = (suffix: string, y: tf.SymbolicTensor): tf.SymbolicTensor =>
    applyLayer(tf.layers.permute({ dims: [...dims], name: name(`${owner}.${suffix}`) }), [y])[0];
  const product = tf.layers.dense({
    units,
    useBias: false,
    trainable: false,
    kernelInitializer: "zeros",
    name: name(owner),
  });
  const [y] = applyLayer(product, [swap("swap", x)]);
  tf.tidy(() => product.setWeights([tf.tensor2d(matrix, [size, units])]));
  return swap("swap_back", y);
}

/** For each position of the resampled axis, the original position it copies; undefined for a zero. */
function sourcePositions(size: number, before: number, after: number, mode: PadMode): (number | undefined)[] {
  const positions = Array.from({ length: before + size + after }, (_, i) => i - before);
  return positions.map((position) => sourcePosition(position, size, mode));
}

function sourcePosition(position: number, size: number, mode: PadMode): number | undefined {
  if (position >= 0 && position < size) return position;
  switch (mode) {
    case "zeros":
      return undefined;
    case "reflect":
      return position < 0 ? -position : 2 * (size - 1) - position;
    case "replicate":
      return position < 0 ? 0 : size - 1;
    case "circular":
      return (position + size) % size;
  }
}
