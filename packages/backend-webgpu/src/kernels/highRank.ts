// Stock kernels that fail on tensors of five axes, which volumes have: their shaders do not compile or stop at four
// axes. Here they run on fewer axes. Adjacent axes that broadcast alike become one; what works along an axis sees
// three: those before it, the axis itself, those after it.

import { product } from "@gmr-conv/core";
import type { KernelOverride, StockCall } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { webGpu } from "../attach.ts";
import type { Gpu } from "../gpu.ts";
import { mergeAxes } from "../mergeAxes.ts";

/** Axes that the stock kernels can handle. */
const MAX_AXES = 4;

type Inputs = Readonly<Record<string, tf.TensorInfo>>;
type Compute<Attrs> = (
  inputs: Inputs,
  attrs: Attrs,
  gpu: Gpu,
  stock: (changed: StockCall<Attrs>) => tf.TensorInfo,
) => tf.TensorInfo;

/** A stock kernel with another implementation for inputs of more than four axes. */
const extended = <Attrs>(kernelName: string, compute: Compute<Attrs>): KernelOverride =>
  webGpu.override<Inputs, Attrs>(kernelName, (inputs, attrs, gpu, stock) => {
    if (Object.values(inputs).every(({ shape }) => shape.length <= MAX_AXES)) return stock();
    return compute(inputs, attrs, gpu, (changed) => stock(changed) as tf.TensorInfo);
  });

const reshaped = (tensor: tf.TensorInfo, shape: number[]): tf.TensorInfo => ({ ...tensor, shape });

const binary: Compute<undefined> = (inputs, _attrs, _gpu, stock) => {
  // `a` and `b`, or `x` and `alpha`.
  const [left, right] = Object.keys(inputs);
  const [a, b] = Object.values(inputs);
  const shape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const merged = mergeAxes(a.shape, b.shape);
  const y = stock({ inputs: { [left]: reshaped(a, merged.a), [right]: reshaped(b, merged.b) } });
  return reshaped(y, shape);
};

const BINARY = [
  tf.Add,
  tf.Sub,
  tf.Multiply,
  tf.RealDiv,
  tf.FloorDiv,
  tf.Mod,
  tf.Atan2,
  tf.Prelu,
  tf.Pow,
  tf.Maximum,
  tf.Minimum,
  tf.SquaredDifference,
  tf.Equal,
  tf.NotEqual,
  tf.Greater,
  tf.GreaterEqual,
  tf.Less,
  tf.LessEqual,
  tf.LogicalAnd,
  tf.LogicalOr,
];

/** The condition has the shape of the values, or that of their first axis. */
const select: Compute<undefined> = ({ condition, t, e }, _attrs, _gpu, stock) => {
  const flat = [product(condition.shape), product(t.shape) / Math.max(1, product(condition.shape))];
  const shape = flat[1] === 1 ? [flat[0]] : flat;
  const flatInputs = {
    condition: reshaped(condition, [flat[0]]),
    t: reshaped(t, shape),
    e: reshaped(e, shape),
  };
  return reshaped(stock({ inputs: flatInputs }), t.shape);
};

/** Applies `step` to x [before, axis, after] for each axis, and disposes of intermediate results. */
function alongAxes(
  x: tf.TensorInfo,
  axes: readonly number[],
  gpu: Gpu,
  step: (x: tf.TensorInfo, axis: number) => tf.TensorInfo,
): tf.TensorInfo {
  let y = x;
  for (const axis of axes) {
    const { shape } = y;
    const three = [product(shape.slice(0, axis)), shape[axis], product(shape.slice(axis + 1))];
    const next = step(reshaped(y, three), axis);
    if (y !== x) gpu.dispose(y);
    y = reshaped(next, shape.with(axis, next.shape[1]));
  }
  return y === x ? gpu.share(x) : y;
}

const padding: Compute<{ paddings: (readonly [number, number])[] }> = ({ x }, { paddings }, gpu, stock) => {
  const axes = paddings.flatMap(([before, after], axis) => (before > 0 || after > 0 ? [axis] : []));
  const none = [0, 0] as const;
  return alongAxes(x, axes, gpu, (y, axis) =>
    stock({ inputs: { x: y }, attrs: { paddings: [none, paddings[axis], none] } }),
  );
};

const reverse: Compute<{ dims: number[] }> = ({ x }, { dims }, gpu, stock) => {
  const axes = tf.util.parseAxisParam(dims, x.shape);
  return alongAxes(x, axes, gpu, (y) => stock({ inputs: { x: y }, attrs: { dims: [1] } }));
};

const tile: Compute<{ reps: number[] }> = ({ x }, { reps }, gpu, stock) => {
  const axes = reps.flatMap((count, axis) => (count === 1 ? [] : [axis]));
  return alongAxes(x, axes, gpu, (y, axis) =>
    stock({ inputs: { x: y }, attrs: { reps: [1, reps[axis], 1] } }),
  );
};

export const highRankKernels = [
  ...BINARY.map((name) => extended(name, binary)),
  extended(tf.Select, select),
  extended(tf.PadV2, padding),
  extended(tf.MirrorPad, padding),
  extended(tf.Reverse, reverse),
  extended(tf.Tile, tile),
];
