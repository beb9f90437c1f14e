// Averages over large windows on the CPU: one axis after the other, since TensorFlow adds the numbers of a window one by
// one, and rounding grows with every step. (The numbers of positions inside the map, which averages are taken over, are
// products over the axes as well.)

import { product } from "@gmr-conv/core";
import {
  type KernelOverride,
  type Pool2DKernelAttrs,
  type Pool3DKernelAttrs,
  type PoolShape,
  pool2DShape,
  pool3DShape,
  volume,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { Native, NativeOps } from "../nativeOps.ts";
import { node, runNativeSingle } from "../state.ts";
import { sumAxis } from "../sumRows.ts";

/** Positions of a window up to which the stock kernel is used. */
const SMALL_WINDOW = 64;

type Padding = "SAME" | "VALID";

/** TensorFlow's name for a padding, if it has one. */
function paddingOf(pad: Pool2DKernelAttrs["pad"]): Padding | undefined {
  if (pad === "same") return "SAME";
  return pad === "valid" || [pad].flat(2).every((size) => size === 0) ? "VALID" : undefined;
}

/** The averages along a spatial axis, the first is 0. */
function averageAlong(
  ops: NativeOps,
  x: Native,
  axis: number,
  { filter, strides, outSize }: PoolShape,
  padding: Padding,
): Native {
  const of = axis + 5 - x.shape.length;
  const [window, stride, out] = [filter[of], strides[of], outSize[of]];
  if (window === 1 && stride === 1) return x;
  const at = axis + 1;
  const size = x.shape[at];
  if (stride >= window && padding === "VALID") {
    // Windows side by side: their positions become an axis.
    const [outer, inner] = [x.shape.slice(0, at), x.shape.slice(at + 1)].map(product);
    const whole = ops.pad(ops.reshape(x, [outer, size, inner]), [
      [0, 0],
      [0, Math.max(0, out * stride - size)],
      [0, 0],
    ]);
    const cut = ops.slice(whole, [0, 0, 0], [outer, out * stride, inner]);
    const windows = ops.slice(
      ops.reshape(cut, [outer * out, stride, inner]),
      [0, 0, 0],
      [outer * out, window, inner],
    );
    return ops.reshape(
      ops.binary("Mul", sumAxis(ops, windows), ops.scalar(1 / window)),
      x.shape.with(at, out),
    );
  }
  const ones = x.shape.map(() => 1);
  const attrs = [
    ops.int("ksize", ones.with(at, window)),
    ops.int("strides", ones.with(at, stride)),
    ops.string("padding", padding),
    ops.string("data_format", x.shape.length === 4 ? "NHWC" : "NDHWC"),
  ];
  return ops.run(x.shape.length === 4 ? "AvgPool" : "AvgPool3D", attrs, [x.id])[0];
}

const pool = <Attrs extends Pool2DKernelAttrs | Pool3DKernelAttrs>(
  kernelName: string,
  shapeOf: (inShape: readonly number[], attrs: Attrs) => PoolShape,
): KernelOverride =>
  node.override<{ x: tf.TensorInfo }, Attrs>(kernelName, ({ x }, attrs, state, stock) => {
    const padding = paddingOf(attrs.pad);
    const isPlain = x.dtype === "float32" && product(x.shape) > 0 && attrs.dataFormat !== "NCDHW";
    if (!isPlain || !padding || state.backend.isUsingGpuDevice) return stock();
    const shape = shapeOf(x.shape, attrs);
    if (volume(shape.filter) <= SMALL_WINDOW) return stock();
    return runNativeSingle(state, (ops) =>
      x.shape.slice(1, -1).reduce((y, _, axis) => averageAlong(ops, y, axis, shape, padding), ops.input(x)),
    );
  });

export const avgPoolKernels = [
  pool<Pool2DKernelAttrs>(tf.AvgPool, pool2DShape),
  pool<Pool3DKernelAttrs>(tf.AvgPool3D, pool3DShape),
];
