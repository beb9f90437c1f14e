// The ring convolution and its gradients: sums over rings, then one matrix product.

import { product } from "@gmr-conv/core";
import {
  kernelConfig,
  RingConv,
  type RingConvAttrs,
  RingConvBackpropFilter,
  RingConvBackpropInput,
} from "@gmr-conv/tfjs";
import { type Native, type NativeOps, runNativeSingle } from "../nativeOps.ts";
import { ringSums, type SumsGeometry, sumsGeometry } from "../ringSums.ts";
import { spreadOut } from "../spreadOut.ts";

export const ringConvConfig = kernelConfig(RingConv, "tensorflow", ({ x, weights }, attrs, backend) =>
  runNativeSingle(backend, (ops) => {
    const [images] = x.shape;
    const y = convolve(ops, ops.input(x), ops.input(weights), sumsGeometry(attrs));
    return ops.reshape(y, [images, ...attrs.outputSize, weights.shape[2]]);
  }),
);

/**
 * The gradient of x is a ring convolution of dy, since rings are symmetric (S_lᵀ = S_l): with transposed weights, and
 * with dy spread out by zeros where the convolution has strides.
 */
export const ringConvBackpropInputConfig = kernelConfig(
  RingConvBackpropInput,
  "tensorflow",
  ({ dy, weights }, attrs, backend) =>
    runNativeSingle(backend, (ops) => {
      const { geometry, spread } = inputGradient(ops, ops.input(dy), attrs);
      const transposed = ops.transpose(ops.input(weights), [0, 2, 1]);
      const dx = convolve(ops, spread, transposed, geometry);
      return ops.reshape(dx, [dy.shape[0], ...attrs.inputSize, weights.shape[1]]);
    }),
);

export const ringConvBackpropFilterConfig = kernelConfig(
  RingConvBackpropFilter,
  "tensorflow",
  ({ x, dy }, attrs, backend) =>
    runNativeSingle(backend, (ops) => filterGradient(ops, ops.input(x), ops.input(dy), attrs)),
);

/** The convolution that gives dx: dy spread out by the strides, and the geometry of stride 1 that is left. */
function inputGradient(
  ops: NativeOps,
  dy: Native,
  attrs: RingConvAttrs,
): { geometry: SumsGeometry; spread: Native } {
  const { kernelSize, strides, dilations, padBefore, ...forward } = sumsGeometry(attrs);
  const spread = spreadOut(ops, withThreeAxes(ops, dy, forward.outputSize), strides);
  const [, depth, height, width] = spread.shape;
  const before = (axis: 0 | 1 | 2): number => (kernelSize[axis] - 1) * dilations[axis] - padBefore[axis];
  const geometry: SumsGeometry = {
    ...forward,
    kernelSize,
    dilations,
    strides: [1, 1, 1],
    padBefore: [before(0), before(1), before(2)],
    inputSize: [depth, height, width],
    outputSize: forward.inputSize,
  };
  return { geometry, spread };
}

/** Σ_l S_l(x) · weights[l], as [positions, Cout]. */
function convolve(ops: NativeOps, x: Native, weights: Native, geometry: SumsGeometry): Native {
  const [rings, cin, cout] = weights.shape;
  const found = ringSums(ops, withThreeAxes(ops, x, geometry.inputSize), geometry);
  if (!found) return ops.zeros([x.shape[0] * product(geometry.outputSize), cout]);
  const live =
    found.rings.length === rings
      ? weights
      : ops.concat(
          found.rings.map((ring) => ops.slice(weights, [ring, 0, 0], [1, cin, cout])),
          0,
        );
  return ops.matMul(found.sums, ops.reshape(live, [found.rings.length * cin, cout]));
}

/** dW[l] = S_l(x)ᵀ · dy, 0 for the rings that read nothing. */
function filterGradient(ops: NativeOps, x: Native, dy: Native, attrs: RingConvAttrs): Native {
  const geometry = sumsGeometry(attrs);
  const [cin, cout] = [lastOf(x.shape), lastOf(dy.shape)];
  const found = ringSums(ops, withThreeAxes(ops, x, geometry.inputSize), geometry);
  if (!found) return ops.zeros([attrs.numRings, cin, cout]);
  const rows = ops.reshape(dy, [product(dy.shape) / cout, cout]);
  const live = ops.reshape(ops.matMul(found.sums, rows, true), [found.rings.length, cin, cout]);
  if (found.rings.length === attrs.numRings) return live;
  const zeros = ops.zeros([1, cin, cout]);
  const matrices = Array.from({ length: attrs.numRings }, (_, ring) => {
    const place = found.rings.indexOf(ring);
    return place < 0 ? zeros : ops.slice(live, [place, 0, 0], [1, cin, cout]);
  });
  return ops.concat(matrices, 0);
}

function withThreeAxes(ops: NativeOps, x: Native, size: readonly [number, number, number]): Native {
  return ops.reshape(x, [x.shape[0], ...size, lastOf(x.shape)]);
}

const lastOf = (shape: readonly number[]): number => shape[shape.length - 1];
