// Averages over large windows on the CPU: one axis after the other, since TensorFlow adds the numbers of a window one by
// one, and rounding grows with every step. (The numbers of positions inside the map, which averages are taken over, are
// products over the axes as well.)

import { product } from "@gmr-conv/core";
import { type KernelArgs, type KernelOverride, overrideKernel } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { nativeBackend } from "../nativeBackend.ts";
import { type Native, type NativeOps, runNativeSingle } from "../nativeOps.ts";
import { sumAxis } from "../sumRows.ts";

/** Positions of a window up to which the stock kernel is used. */
const SMALL_WINDOW = 64;

interface PoolPlan {
  window: number[];
  strides: number[];
  outSize: number[];
  padding: string;
}

type PoolAttrs = Pick<tf.AvgPoolAttrs, "filterSize" | "strides" | "pad" | "dimRoundingMode">;
type Pool3DAttrs = Pick<
  tf.AvgPool3DAttrs,
  "filterSize" | "strides" | "pad" | "dimRoundingMode" | "dataFormat"
>;

function plan2D({ inputs, attrs }: KernelArgs): PoolPlan {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as PoolAttrs;
  const shape = (inputs.x as tf.TensorInfo).shape as [number, number, number, number];
  const info = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  return {
    window: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    outSize: [info.outHeight, info.outWidth],
    padding: info.padInfo.type,
  };
}

function plan3D({ inputs, attrs }: KernelArgs): PoolPlan {
  const { filterSize, strides, pad, dimRoundingMode, dataFormat } = attrs as unknown as Pool3DAttrs;
  const shape = (inputs.x as tf.TensorInfo).shape as [number, number, number, number, number];
  const info = tf.backend_util.computePool3DInfo(
    shape,
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
    dataFormat,
  );
  return {
    window: [info.filterDepth, info.filterHeight, info.filterWidth],
    strides: [info.strideDepth, info.strideHeight, info.strideWidth],
    outSize: [info.outDepth, info.outHeight, info.outWidth],
    padding: info.dataFormat === "channelsLast" ? info.padInfo.type : "unsupported",
  };
}

function averageAlong(ops: NativeOps, x: Native, axis: number, plan: PoolPlan): Native {
  const [window, stride, out] = [plan.window[axis], plan.strides[axis], plan.outSize[axis]];
  if (window === 1 && stride === 1) return x;
  const at = axis + 1;
  const size = x.shape[at];
  if (stride >= window && plan.padding === "VALID") {
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
    ops.string("padding", plan.padding),
    ops.string("data_format", x.shape.length === 4 ? "NHWC" : "NDHWC"),
  ];
  return ops.run(x.shape.length === 4 ? "AvgPool" : "AvgPool3D", attrs, [x.id])[0];
}

const pool = (kernelName: string, planOf: (args: KernelArgs) => PoolPlan): KernelOverride =>
  overrideKernel(kernelName, "tensorflow", (args, stock) => {
    const plan = planOf(args);
    const x = args.inputs.x as tf.TensorInfo;
    const isLarge = product(plan.window) > SMALL_WINDOW && product(x.shape) > 0;
    const isPlain = (plan.padding === "SAME" || plan.padding === "VALID") && x.dtype === "float32";
    const ours = isLarge && isPlain && !nativeBackend(args.backend).isUsingGpuDevice;
    if (!ours) return stock(args);
    return runNativeSingle(args.backend, (ops) =>
      plan.window.reduce((y, _, axis) => averageAlong(ops, y, axis, plan), ops.input(x)),
    );
  });

export const avgPoolKernels = [pool(tf.AvgPool, plan2D), pool(tf.AvgPool3D, plan3D)];
