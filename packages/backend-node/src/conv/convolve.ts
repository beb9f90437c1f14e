// The three convolutions of training: sums over rings, then one matrix product. On the CPU, where the sums take much
// memory, a part of the images at a time.

import { product } from "@gmr-conv/core";
import {
  adjointShape,
  type Convolutions,
  type ConvShape,
  type ConvUse,
  gatherOf,
  keyOf,
} from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { convolutionPlan, Kind } from "../native/plan.ts";
import type { Native, NativeOps } from "../nativeOps.ts";
import { type NativeState, type RingSums, runNativeSingle } from "../state.ts";
import { productOfBlocks, productOfRows } from "../sumRows.ts";
import { ringSums } from "./ringSums.ts";

/** Memory for the sums of a part. Smaller parts would not fill the threads. */
const PART_BYTES = 1 << 25;

/** Whether there is nothing to compute: TensorFlow's own ops get the shapes of empty batches wrong. */
const isEmpty = (input: tf.TensorInfo, shape: readonly number[]): boolean =>
  product(input.shape) === 0 || product(shape) === 0;

/** What sums of dy depend on. */
const sourcesOf = (dy: tf.TensorInfo, shape: ConvShape): unknown[] => [dy.dataId, JSON.stringify(shape)];

function keepSums(state: NativeState, dy: tf.TensorInfo, shape: ConvShape, sums: RingSums[]): void {
  state.gradientSums.keep(sourcesOf(dy, shape), sums);
  queueMicrotask(() => state.gradientSums.forget(sums));
}

/** By the kernels in `native/`. */
function byKernel(
  ops: NativeOps,
  shape: ConvShape,
  use: ConvUse,
  inputs: readonly tf.TensorInfo[],
  resultShape: readonly number[],
): Native {
  const kind = use === "filter" ? Kind.FilterGradient : Kind.Forward;
  const tensors = inputs.map((input) => ops.input(input));
  const plan = () => convolutionPlan(gatherOf(shape, use), use === "input");
  return ops.kernel(kind, tensors, [resultShape], plan, keyOf(shape, use))[0];
}

/** Floats of the gradient of weights up to which it pays to have several while the sums of dy are in the cache. */
const MAX_BOTH = 1 << 16;
/** Channels of x below which its own sums cost less than what fills its vectors up. */
const MIN_CHANNELS = 16;

/** Whether the sums of dy are to serve both gradients. */
function sharesSums({ strides, groups = 1, matrices, inChannels, outChannels }: ConvShape): boolean {
  return (
    groups === 1 &&
    // With strides, dx has more pixels than dy.
    strides.every((stride) => stride === 1) &&
    inChannels >= MIN_CHANNELS &&
    matrices * inChannels * outChannels <= MAX_BOTH
  );
}

/** dx by the kernels in `native/`; where x is given and sums can be shared, dW is computed as well, and kept. */
function inputGradientByKernel(
  ops: NativeOps,
  state: NativeState,
  shape: ConvShape,
  { dy, weights, x }: { dy: tf.TensorInfo; weights: tf.TensorInfo; x: tf.TensorInfo | undefined },
  dxShape: readonly number[],
): Native {
  const { weightGradient } = state;
  if (!x || !state.wantsWeightGradient || !sharesSums(shape)) {
    return byKernel(ops, shape, "input", [dy, weights], dxShape);
  }
  const inputs = [dy, weights, x].map((input) => ops.input(input));
  const [dx, dw] = ops.kernel(
    Kind.BothGradients,
    inputs,
    [dxShape, weights.shape],
    () => convolutionPlan(gatherOf(shape, "input"), true),
    keyOf(shape, "input"),
  );
  const kept = ops.keep(dw);
  weightGradient.keep([x.dataId, ...sourcesOf(dy, shape)], kept);
  queueMicrotask(() => weightGradient.forget(kept));
  return dx;
}

/** y of x, weights and, if there is one, a bias. */
export const forward = (
  state: NativeState,
  shape: ConvShape,
  inputs: readonly [x: tf.TensorInfo, weights: tf.TensorInfo, bias?: tf.TensorInfo],
  yShape: readonly number[],
): tf.TensorInfo =>
  runNativeSingle(state, (ops) => {
    state.gradientSums.forget();
    const [x, weights, bias] = inputs;
    const isNothing = isEmpty(x, yShape);
    if (state.hasKernels && !isNothing) {
      return byKernel(ops, shape, "forward", bias ? [x, weights, bias] : [x, weights], yShape);
    }
    const y = isNothing ? ops.fill(yShape, 0) : sumAndMultiply(ops, state, shape, x, weights, yShape);
    return bias ? ops.binary("AddV2", y, ops.input(bias)) : y;
  });

function sumAndMultiply(
  ops: NativeOps,
  state: NativeState,
  shape: ConvShape,
  x: tf.TensorInfo,
  weights: tf.TensorInfo,
  yShape: readonly number[],
): Native {
  const [image, matrices] = [ops.input(x), ops.input(weights)];
  const parts = partsOf(ops, shape).map((part) => {
    const sums = sumsOfPart(ops, image, part, state);
    const y = multiply(ops, sums, matrices, part.shape);
    if (sums) ops.free(sums.sums);
    return y;
  });
  return ops.reshape(ops.concat(parts, 0), yShape);
}

/** Rings are symmetric: S_lᵀ = S_l. */
export const convolutions: Convolutions<NativeState> = {
  forward: (state, shape, x, weights, yShape) => forward(state, shape, [x, weights], yShape),

  inputGradient: (state, shape, dy, weights, dxShape, x) =>
    runNativeSingle(state, (ops) => {
      state.gradientSums.forget();
      if (isEmpty(dy, dxShape)) return ops.fill(dxShape, 0);
      if (state.hasKernels) return inputGradientByKernel(ops, state, shape, { dy, weights, x }, dxShape);
      const transposed = ops.transpose(ops.input(weights), [0, 2, 1]);
      const image = ops.input(dy);
      // With strides there are so many more sums of spread-out dy that their product costs more than new sums.
      const isKept = shape.strides.every((stride) => stride === 1);
      const kept: RingSums[] = [];
      const parts = partsOf(ops, adjointShape(shape)).map((part) => {
        const sums = sumsOfPart(ops, image, part, state);
        const dx = multiply(ops, sums, transposed, part.shape);
        if (sums && isKept) kept.push(sums);
        else if (sums) ops.free(sums.sums);
        return dx;
      });
      const dx = ops.reshape(ops.concat(parts, 0), dxShape);
      if (kept.length > 0) {
        keepSums(
          state,
          dy,
          shape,
          kept.map(({ rings, sums }) => ({ rings, sums: ops.keep(sums) })),
        );
      }
      return dx;
    }),

  /** dW[l] = S_l(x)ᵀ · dy = xᵀ · S_l(dy); 0 for rings that read nothing. */
  filterGradient: (state, shape, x, dy, dwShape) =>
    runNativeSingle(state, (ops) => {
      const { inChannels, outChannels, inSize, outSize, matrices } = shape;
      if (state.hasKernels && !isEmpty(x, dy.shape)) {
        const found = state.weightGradient.take([x.dataId, ...sourcesOf(dy, shape)]);
        if (found) ops.adopt(found);
        state.wantsWeightGradient = true;
        return found ?? byKernel(ops, shape, "filter", [x, dy], dwShape);
      }
      const known = state.gradientSums.take(sourcesOf(dy, shape));
      for (const { sums } of known ?? []) ops.adopt(sums);
      if (isEmpty(x, dy.shape)) return ops.fill(dwShape, 0);
      const image = ops.input(x);
      if (known) {
        const pixels = product(inSize);
        const rows = ops.reshape(image, [shape.images * pixels, inChannels]);
        let first = 0;
        const parts = known.map(({ sums }) => {
          const [count] = sums.shape;
          const found = productOfRows(ops, ops.slice(rows, [first, 0], [count, inChannels]), sums);
          first += count;
          ops.free(sums);
          return found;
        });
        const [{ rings }] = known;
        const joined = ops.reshape(ops.sum(parts), [inChannels, rings.length, outChannels]);
        return allRings(ops, ops.transpose(joined, [1, 0, 2]), rings, matrices);
      }
      const positions = product(outSize);
      const rows = ops.reshape(ops.input(dy), [shape.images * positions, outChannels]);
      let rings: number[] = [];
      const parts = partsOf(ops, shape).flatMap((part) => {
        const found = sumsOfPart(ops, image, part, state);
        if (!found) return [];
        rings = found.rings;
        const { first, shape: of } = part;
        const read = ops.slice(rows, [first * positions, 0], [of.images * positions, outChannels]);
        const matrix = productOfRows(ops, found.sums, read);
        ops.free(found.sums);
        return matrix;
      });
      if (parts.length === 0) return ops.fill(dwShape, 0);
      return allRings(
        ops,
        ops.reshape(ops.sum(parts), [rings.length, inChannels, outChannels]),
        rings,
        matrices,
      );
    }),
};

/** Consecutive images. */
interface Part {
  first: number;
  /** Their convolution. */
  shape: ConvShape;
}

/** The images in parts of nearly equal numbers. A GPU has the memory, and prefers single calls. */
function partsOf({ backend }: NativeOps, shape: ConvShape): Part[] {
  const { images, outSize, inChannels, matrices } = shape;
  const bytes = 4 * images * product(outSize) * inChannels * matrices;
  const count = backend.isUsingGpuDevice ? 1 : Math.min(images, Math.ceil(bytes / PART_BYTES));
  return Array.from({ length: count }, (_, i) => {
    const [first, end] = [i, i + 1].map((part) => Math.floor((part * images) / count));
    return { first, shape: { ...shape, images: end - first } };
  });
}

/** S_l of a part of x [N, ...in, C]; undefined if no ring reads any of it. */
function sumsOfPart(
  ops: NativeOps,
  x: Native,
  { first, shape }: Part,
  state: NativeState,
): RingSums | undefined {
  // Images in sequence are a view, not a copy.
  const images = ops.slice(
    x,
    x.shape.map((_, axis) => (axis === 0 ? first : 0)),
    x.shape.with(0, shape.images),
  );
  return ringSums(ops, images, shape, state);
}

/** Σ_l S_l · weights[l], [positions, Cout]. */
function multiply(
  ops: NativeOps,
  sums: RingSums | undefined,
  weights: Native,
  { images, outSize }: ConvShape,
): Native {
  const [rings, cin, cout] = weights.shape;
  if (!sums) return ops.fill([images * product(outSize), cout], 0);
  const count = sums.rings.length;
  const matrix = (ring: number): Native => ops.slice(weights, [ring, 0, 0], [1, cin, cout]);
  const live = count === rings ? weights : ops.concat(sums.rings.map(matrix), 0);
  return productOfBlocks(ops, sums.sums, ops.reshape(live, [count * cin, cout]));
}

/** The matrices of some rings, [L, Cin, Cout], with zeros for the others. */
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
