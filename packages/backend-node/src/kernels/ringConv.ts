// The ring convolution and its gradients: sums over rings, then one matrix product.

import { product } from "@gmr-conv/core";
import {
  kernelConfig,
  RingConv,
  type RingConvAttrs,
  RingConvBackpropFilter,
  RingConvBackpropInput,
} from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { NativeBackend } from "../nativeBackend.ts";
import { type Native, type NativeOps, runNativeSingle } from "../nativeOps.ts";
import { type RingSums, ringSums, type SumsGeometry, sumsGeometry } from "../ringSums.ts";
import { spreadOut } from "../spreadOut.ts";
import { productOfRows } from "../sumRows.ts";

export const ringConvConfig = kernelConfig(RingConv, "tensorflow", ({ x, weights }, attrs, backend) =>
  runNativeSingle(backend, (ops) => {
    forget(ops.backend);
    const shape = [x.shape[0], ...attrs.outputSize, weights.shape[2]];
    if (isEmpty(x, shape)) return ops.fill(shape, 0);
    const sums = ringSums(ops, ops.input(x), sumsGeometry(attrs));
    const y = multiply(ops, sums, ops.input(weights), x.shape[0] * product(attrs.outputSize));
    return ops.reshape(y, shape);
  }),
);

/** Whether there is nothing to compute: TensorFlow's own ops do not get the shapes of no images right. */
const isEmpty = (input: tf.TensorInfo, shape: readonly number[]): boolean =>
  product(input.shape) === 0 || product(shape) === 0;

/**
 * Sums of the dy of the last call only: the gradient of the weights, which is asked for right after that of x, needs
 * them, too. They are large, and forgotten at the latest when the program waits for something.
 */
interface GradientSums extends RingSums {
  dy: object;
  /** Shape of dy and the convolution's attributes. */
  of: string;
}

const remembered = new WeakMap<NativeBackend, GradientSums>();

const describe = (dy: tf.TensorInfo, attrs: RingConvAttrs): string => JSON.stringify([dy.shape, attrs]);

function remember(backend: NativeBackend, sums: GradientSums): void {
  remembered.set(backend, sums);
  queueMicrotask(() => {
    if (remembered.get(backend) === sums) forget(backend);
  });
}

/** Takes away what was remembered. */
function recall(backend: NativeBackend): GradientSums | undefined {
  const found = remembered.get(backend);
  remembered.delete(backend);
  return found;
}

function forget(backend: NativeBackend): void {
  const found = recall(backend);
  if (found) backend.binding.deleteTensor(found.sums.id);
}

/**
 * The gradient of x is a ring convolution of dy, since rings are symmetric (S_lᵀ = S_l): with transposed weights, and
 * with dy spread out by zeros where the convolution has strides.
 */
export const ringConvBackpropInputConfig = kernelConfig(
  RingConvBackpropInput,
  "tensorflow",
  ({ dy, weights }, attrs, backend) =>
    runNativeSingle(backend, (ops) => {
      forget(ops.backend);
      const shape = [dy.shape[0], ...attrs.inputSize, weights.shape[1]];
      if (isEmpty(dy, shape)) return ops.fill(shape, 0);
      const { geometry, spread } = inputGradient(ops, ops.input(dy), attrs);
      const transposed = ops.transpose(ops.input(weights), [0, 2, 1]);
      const sums = ringSums(ops, spread, geometry);
      const dx = multiply(ops, sums, transposed, dy.shape[0] * product(attrs.inputSize));
      // With strides, the sums of dy spread out are so many more that the product with them costs more than new sums.
      if (sums && attrs.strides.every((stride) => stride === 1)) {
        const { rings } = sums;
        remember(ops.backend, { dy: dy.dataId, of: describe(dy, attrs), rings, sums: ops.keep(sums.sums) });
      }
      return ops.reshape(dx, shape);
    }),
);

/** dW[l] = S_l(x)ᵀ · dy = xᵀ · S_l(dy); 0 for rings that read nothing. */
export const ringConvBackpropFilterConfig = kernelConfig(
  RingConvBackpropFilter,
  "tensorflow",
  ({ x, dy }, attrs, backend) =>
    runNativeSingle(backend, (ops) => {
      const [cin, cout] = [lastOf(x.shape), lastOf(dy.shape)];
      const last = recall(ops.backend);
      if (last) ops.adopt(last.sums);
      if (isEmpty(x, dy.shape)) return ops.fill([attrs.numRings, cin, cout], 0);
      if (last?.dy === dy.dataId && last.of === describe(dy, attrs)) {
        const pixels = ops.reshape(ops.input(x), [product(x.shape) / cin, cin]);
        const { rings } = last;
        const joined = productOfRows(ops, pixels, last.sums);
        const matrices = ops.transpose(ops.reshape(joined, [cin, rings.length, cout]), [1, 0, 2]);
        return allRings(ops, matrices, rings, attrs.numRings);
      }
      const geometry = sumsGeometry(attrs);
      const found = ringSums(ops, ops.input(x), geometry);
      if (!found) return ops.fill([attrs.numRings, cin, cout], 0);
      const rows = ops.reshape(ops.input(dy), [product(dy.shape) / cout, cout]);
      const matrices = ops.reshape(productOfRows(ops, found.sums, rows), [found.rings.length, cin, cout]);
      return allRings(ops, matrices, found.rings, attrs.numRings);
    }),
);

/** The convolution that gives dx: dy spread out by the strides, and the geometry of stride 1 that is left. */
function inputGradient(
  ops: NativeOps,
  dy: Native,
  attrs: RingConvAttrs,
): { geometry: SumsGeometry; spread: Native } {
  const { kernelSize, strides, dilations, padBefore, ...forward } = sumsGeometry(attrs);
  const before = (axis: 0 | 1 | 2): number => (kernelSize[axis] - 1) * dilations[axis] - padBefore[axis];
  const extent = (axis: 0 | 1 | 2): number => Math.max(0, (forward.outputSize[axis] - 1) * strides[axis] + 1);
  const geometry: SumsGeometry = {
    ...forward,
    kernelSize,
    dilations,
    strides: [1, 1, 1],
    padBefore: [before(0), before(1), before(2)],
    inputSize: [extent(0), extent(1), extent(2)],
    outputSize: forward.inputSize,
  };
  if (strides.every((stride) => stride === 1)) return { geometry, spread: dy };
  const volume = ops.reshape(dy, [dy.shape[0], ...forward.outputSize, lastOf(dy.shape)]);
  return { geometry, spread: spreadOut(ops, volume, strides) };
}

/** Σ_l S_l · weights[l], [positions, Cout]. */
function multiply(ops: NativeOps, sums: RingSums | undefined, weights: Native, positions: number): Native {
  const [rings, cin, cout] = weights.shape;
  if (!sums) return ops.fill([positions, cout], 0);
  const count = sums.rings.length;
  const matrix = (ring: number): Native => ops.slice(weights, [ring, 0, 0], [1, cin, cout]);
  const live = count === rings ? weights : ops.concat(sums.rings.map(matrix), 0);
  return ops.matMul(sums.sums, ops.reshape(live, [count * cin, cout]));
}

/** The matrices of some rings among zeros for the others, [L, Cin, Cout]. */
function allRings(ops: NativeOps, matrices: Native, rings: readonly number[], numRings: number): Native {
  if (rings.length === numRings) return matrices;
  const shape = [1, ...matrices.shape.slice(1)];
  const zeros = ops.fill(shape, 0);
  const parts = Array.from({ length: numRings }, (_, ring) => {
    const place = rings.indexOf(ring);
    return place < 0 ? zeros : ops.slice(matrices, [place, 0, 0], shape);
  });
  return ops.concat(parts, 0);
}

const lastOf = (shape: readonly number[]): number => shape[shape.length - 1];
