// Pooling that the stock backend gets wrong (maxima of negative numbers: MaxPoolGrad, MaxPool3D, MaxPool3DGrad;
// averages of large windows, whose sums lose digits) or computes slowly (AvgPoolGrad, AvgPool3D, AvgPool3DGrad).

import {
  type Pool2DKernelAttrs,
  type Pool3DKernelAttrs,
  type PoolShape,
  pool2DShape,
  pool3DShape,
  volume,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { type WasmState, wasm } from "../state.ts";
import { placeWindows } from "../windows.ts";

/** Threads for a pass over all windows, split by images. */
const threadsFor = (state: WasmState, { images, outSize, filter, channels }: PoolShape): number =>
  state.threadsFor(4 * images * volume(outSize) * channels * volume(filter));

function pool(
  state: WasmState,
  name: "maxPool" | "avgPool",
  x: tf.TensorInfo,
  shape: PoolShape,
  yShape: readonly number[],
): tf.TensorInfo {
  const y = state.output(yShape);
  const tensors = state.addresses(x, y);
  const plan = placeWindows(state, shape);
  state.split(name, shape.images, threadsFor(state, shape), (begin, end) => [plan, ...tensors, begin, end]);
  return y;
}

type GradInputs = Record<"dy" | "input", tf.TensorInfo>;
type MaxGradInputs = Record<"dy" | "input" | "output", tf.TensorInfo>;

function maxGradient(
  state: WasmState,
  { dy, input, output }: MaxGradInputs,
  shape: PoolShape,
): tf.TensorInfo {
  const dx = state.output(input.shape);
  const tensors = state.addresses(dy, input, output, dx);
  const plan = placeWindows(state, shape);
  state.split("maxPoolGradient", shape.images, threadsFor(state, shape), (begin, end) => [
    plan,
    ...tensors,
    begin,
    end,
  ]);
  return dx;
}

/** Every position of a window gets the same share: what the stock gradient expects, see the gradient of AvgPool. */
function averageGradient(state: WasmState, { dy, input }: GradInputs, shape: PoolShape): tf.TensorInfo {
  const dx = state.output(input.shape);
  const tensors = state.addresses(dy, dx);
  const plan = placeWindows(state, shape);
  const share = 1 / volume(shape.filter);
  state.split("avgPoolGradient", shape.images, threadsFor(state, shape), (begin, end) => [
    plan,
    ...tensors,
    share,
    begin,
    end,
  ]);
  return dx;
}

/** Window positions from which on sums are taken in float64; smaller windows stay with the stock kernel. */
const LARGE_WINDOW = 64;

const mapOf = ({ images, outSize, channels }: PoolShape): number[] => [images, ...outSize, channels];

export const poolingKernels = [
  wasm.override<{ x: tf.TensorInfo }, Pool2DKernelAttrs>(tf.AvgPool, ({ x }, attrs, state, stock) => {
    const shape = pool2DShape(x.shape, attrs);
    if (volume(shape.filter) < LARGE_WINDOW) return stock();
    const [, height, width] = shape.outSize;
    return pool(state, "avgPool", x, shape, [shape.images, height, width, shape.channels]);
  }),
  wasm.kernel<{ x: tf.TensorInfo }, Pool3DKernelAttrs>({ name: tf.AvgPool3D }, ({ x }, attrs, state) => {
    const shape = pool3DShape(x.shape, attrs);
    return pool(state, "avgPool", x, shape, mapOf(shape));
  }),
  wasm.kernel<{ x: tf.TensorInfo }, Pool3DKernelAttrs>({ name: tf.MaxPool3D }, ({ x }, attrs, state) => {
    const shape = pool3DShape(x.shape, attrs);
    return pool(state, "maxPool", x, shape, mapOf(shape));
  }),
  wasm.kernel<MaxGradInputs, Pool2DKernelAttrs>({ name: tf.MaxPoolGrad }, (inputs, attrs, state) =>
    maxGradient(state, inputs, pool2DShape(inputs.input.shape, attrs)),
  ),
  wasm.kernel<MaxGradInputs, Pool3DKernelAttrs>({ name: tf.MaxPool3DGrad }, (inputs, attrs, state) =>
    maxGradient(state, inputs, pool3DShape(inputs.input.shape, attrs)),
  ),
  wasm.kernel<GradInputs, Pool2DKernelAttrs>({ name: tf.AvgPoolGrad }, (inputs, attrs, state) =>
    averageGradient(state, inputs, pool2DShape(inputs.input.shape, attrs)),
  ),
  wasm.kernel<GradInputs, Pool3DKernelAttrs>({ name: tf.AvgPool3DGrad }, (inputs, attrs, state) =>
    averageGradient(state, inputs, pool3DShape(inputs.input.shape, attrs)),
  ),
];
