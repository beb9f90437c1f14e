// Rows that are joined, split, normalised with given statistics, or given a bias. The stock backend joins them in
// JavaScript, one at a time, splits those of five axes number by number, and normalises one number at a time.

import { product } from "@gmr-conv/core";
import { BatchNormInference } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { FLOAT_WORK, type WasmState, wasm } from "../state.ts";

/** Rows of floats at an address, `stride` bytes apart. */
interface Rows {
  address: number;
  stride: number;
}

/** Copies rows of `bytes` bytes. */
function copy(state: WasmState, from: Rows, to: Rows, rows: number, bytes: number): void {
  if (from.stride === bytes && to.stride === bytes) {
    state.splitFloats("copyRows", (rows * bytes) / 4, (offset, length) => [
      from.address + offset,
      to.address + offset,
      1,
      0,
      0,
      4 * length,
    ]);
    return;
  }
  state.split("copyRows", rows, state.threadsFor((rows * bytes * FLOAT_WORK) / 4), (begin, end) => [
    from.address + begin * from.stride,
    to.address + begin * to.stride,
    end - begin,
    from.stride,
    to.stride,
    bytes,
  ]);
}

/** How a tensor is cut along an axis: rows, and the bytes of one position of the axis. */
const cutAlong = (shape: readonly number[], axis: number) => ({
  rows: product(shape.slice(0, axis)),
  inner: 4 * product(shape.slice(axis + 1)),
});

interface SplitAttrs {
  numOrSizeSplits: number | number[];
  axis: number;
}

/** Vectors [C] of an affine map, each of which may be missing. */
interface Vectors {
  mean?: tf.TensorInfo;
  variance?: tf.TensorInfo;
  offset?: tf.TensorInfo;
  scale?: tf.TensorInfo;
}

type NormInputs = { x: tf.TensorInfo } & Vectors;

/** Floats from which on a table of constants is long enough. */
const PERIOD = 64;

/** v = (x - mean) / √(variance + ε) · scale + offset of x [..., C]; y = v where v > 0, else slope · v. */
function affine(
  state: WasmState,
  { x, mean, variance, scale, offset }: NormInputs,
  epsilon: number,
  slope: number,
): tf.TensorInfo {
  const y = state.output(x.shape);
  const [count, channels] = [product(x.shape), x.shape[x.shape.length - 1]];
  if (count === 0) return y;
  // Channels are repeated until vectors of four numbers fit.
  const unit = channels % 4 === 0 ? 1 : channels % 2 === 0 ? 2 : 4;
  const period = channels * unit * Math.ceil(PERIOD / (channels * unit));
  const table = state.reserve(12 * period);
  const constants = state.floats(table, 3 * period);
  const [means, variances, scales, offsets] = [mean, variance, scale, offset].map(
    (vector) => vector && state.floats(state.address(vector), channels),
  );
  for (let i = 0; i < period; i++) {
    const c = i % channels;
    constants[i] = means ? means[c] : 0;
    constants[period + i] = (scales ? scales[c] : 1) / (variances ? Math.sqrt(variances[c] + epsilon) : 1);
    constants[2 * period + i] = offsets ? offsets[c] : 0;
  }
  const [from, to] = state.addresses(x, y);
  const threads = state.threadsFor(count * FLOAT_WORK);
  state.split("normaliseRows", Math.ceil(count / period), threads, (begin, end) => [
    from,
    to,
    table,
    period,
    slope,
    begin * period,
    Math.min(count, end * period),
  ]);
  return y;
}

/** Channels up to which the stock backend is slow to add a bias. */
const FEW_CHANNELS = 32;

/** Whether x [..., C] meets a vector [C] of few numbers. */
const isBias = (x: tf.TensorInfo, bias: tf.TensorInfo): boolean =>
  bias.shape.length === 1 &&
  bias.shape[0] <= FEW_CHANNELS &&
  x.shape.length > 1 &&
  x.shape.at(-1) === bias.shape[0];

export const rowKernels = [
  wasm.override<tf.TensorInfo[], { axis: number }>(tf.Concat, (inputs, attrs, state, stock) => {
    const given = inputs.filter(({ shape }) => product(shape) > 0);
    if (given.length < 2 || given.some(({ dtype }) => dtype !== "float32")) return stock();
    const shapes = given.map(({ shape }) => shape);
    const [axis] = tf.util.parseAxisParam(attrs.axis, shapes[0]);
    tf.backend_util.assertParamsConsistent(
      inputs.map(({ shape }) => shape),
      axis,
    );
    const y = state.output(tf.backend_util.computeOutShape(shapes, axis));
    const { rows, inner } = cutAlong(y.shape, axis);
    const stride = y.shape[axis] * inner;
    let to = state.address(y);
    for (const part of given) {
      const bytes = part.shape[axis] * inner;
      copy(state, { address: state.address(part), stride: bytes }, { address: to, stride }, rows, bytes);
      to += bytes;
    }
    return y;
  }),

  wasm.override<{ x: tf.TensorInfo }, SplitAttrs>(tf.SplitV, ({ x }, attrs, state, stock) => {
    if (x.dtype !== "float32") return stock();
    const [axis] = tf.util.parseAxisParam(attrs.axis, x.shape);
    const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs.numOrSizeSplits, axis);
    const { rows, inner } = cutAlong(x.shape, axis);
    const stride = x.shape[axis] * inner;
    let from = state.address(x);
    return sizes.map((size) => {
      const part = state.output(x.shape.with(axis, size));
      const bytes = size * inner;
      copy(state, { address: from, stride }, { address: state.address(part), stride: bytes }, rows, bytes);
      from += bytes;
      return part;
    });
  }),

  wasm.override<NormInputs, { varianceEpsilon: number }>(
    tf.FusedBatchNorm,
    (inputs, { varianceEpsilon }, state, stock) => {
      const { x, ...vectors } = inputs;
      const given = Object.values(vectors).filter((vector) => vector);
      const fits = given.every(({ shape }) => shape.length === 1 && shape[0] === x.shape.at(-1));
      return fits ? affine(state, inputs, varianceEpsilon, 1) : stock();
    },
  ),

  wasm.kernel(BatchNormInference, ({ gamma, beta, ...inputs }, { epsilon, slope }, state) =>
    affine(state, { ...inputs, scale: gamma, offset: beta }, epsilon, slope),
  ),

  wasm.override<Record<"a" | "b", tf.TensorInfo>, undefined>(tf.Add, ({ a, b }, _attrs, state, stock) => {
    if (a.dtype !== "float32" || b.dtype !== "float32") return stock();
    if (isBias(a, b)) return affine(state, { x: a, offset: b }, 0, 1);
    return isBias(b, a) ? affine(state, { x: b, offset: a }, 0, 1) : stock();
  }),
];
