// Stock kernels that fail on tensors of five axes, as volumes are: their shaders do not compile or stop at four axes.
// They run on fewer axes here. Adjacent axes that broadcast alike are one; what works along an axis sees three: those
// before it, itself, those after it.

import { product } from "@gmr-conv/core";
import { type KernelArgs, type KernelOverride, overrideKernel } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { backendOf } from "../backend.ts";

/** Axes that the stock kernels can handle. */
const MAX_AXES = 4;

type Compute = (args: KernelArgs, stock: (args: KernelArgs) => tf.TensorInfo) => tf.TensorInfo;

/** A stock kernel with another implementation for inputs of more than four axes. */
const extended = (kernelName: string, compute: Compute): KernelOverride =>
  overrideKernel(kernelName, "webgpu", (args, stock) => {
    const inputs = Object.values(args.inputs) as tf.TensorInfo[];
    if (inputs.every(({ shape }) => shape.length <= MAX_AXES)) return stock(args);
    return compute(args, (own) => stock(own) as tf.TensorInfo);
  });

const reshaped = (tensor: tf.TensorInfo, shape: number[]): tf.TensorInfo => ({ ...tensor, shape });

/** Two shapes that broadcast to `output`, with adjacent axes merged that broadcast alike. */
export function mergeAxes(a: readonly number[], b: readonly number[]): { a: number[]; b: number[] } {
  const rank = Math.max(a.length, b.length);
  const full = (shape: readonly number[]) => [...Array<number>(rank - shape.length).fill(1), ...shape];
  const [left, right] = [full(a), full(b)];
  const merged = { a: [] as number[], b: [] as number[] };
  let previous = "";
  left.forEach((n, axis) => {
    const m = right[axis];
    if (n === 1 && m === 1) return;
    const kind = n === m ? "same" : n === 1 ? "a" : "b";
    if (kind === previous) {
      merged.a[merged.a.length - 1] *= n;
      merged.b[merged.b.length - 1] *= m;
    } else {
      merged.a.push(n);
      merged.b.push(m);
    }
    previous = kind;
  });
  return merged;
}

const binary: Compute = ({ inputs, ...rest }, stock) => {
  // `a` and `b`, or `x` and `alpha`.
  const [left, right] = Object.keys(inputs);
  const [a, b] = Object.values(inputs) as tf.TensorInfo[];
  const shape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const merged = mergeAxes(a.shape, b.shape);
  const y = stock({
    ...rest,
    inputs: { [left]: reshaped(a, merged.a), [right]: reshaped(b, merged.b) },
  });
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

/** The condition has the shape of both values, or that of their first axis. */
const select: Compute = ({ inputs, ...rest }, stock) => {
  const { condition, t, e } = inputs as Record<string, tf.TensorInfo>;
  const flat = [product(condition.shape), product(t.shape) / Math.max(1, product(condition.shape))];
  const shape = flat[1] === 1 ? [flat[0]] : flat;
  const flatInputs = {
    condition: reshaped(condition, [flat[0]]),
    t: reshaped(t, shape),
    e: reshaped(e, shape),
  };
  return reshaped(stock({ ...rest, inputs: flatInputs }), t.shape);
};

/** Applies `step` to x [before, axis, after] for each axis, with intermediate results freed. */
function alongAxes(
  x: tf.TensorInfo,
  axes: readonly number[],
  backend: object,
  step: (x: tf.TensorInfo, axis: number) => tf.TensorInfo,
): tf.TensorInfo {
  let y = x;
  for (const axis of axes) {
    const { shape } = y;
    const three = [product(shape.slice(0, axis)), shape[axis], product(shape.slice(axis + 1))];
    const next = step(reshaped(y, three), axis);
    if (y !== x) backendOf(backend).disposeData(y.dataId);
    y = reshaped(next, shape.with(axis, next.shape[1]));
  }
  if (y !== x) return y;
  backendOf(backend).incRef(x.dataId);
  return reshaped(x, [...x.shape]);
}

const padding: Compute = ({ inputs, backend, attrs }, stock) => {
  const pads = (attrs as { paddings: [number, number][] }).paddings;
  const axes = pads.flatMap(([before, after], axis) => (before > 0 || after > 0 ? [axis] : []));
  return alongAxes(inputs.x as tf.TensorInfo, axes, backend, (x, axis) => {
    const paddings = [[0, 0], pads[axis], [0, 0]];
    return stock({ inputs: { x }, backend, attrs: { ...attrs, paddings } as unknown as tf.NamedAttrMap });
  });
};

const reverse: Compute = ({ inputs, backend, attrs }, stock) => {
  const x = inputs.x as tf.TensorInfo;
  const axes = tf.util.parseAxisParam((attrs as { dims: number[] }).dims, x.shape);
  return alongAxes(x, axes, backend, (y) => stock({ inputs: { x: y }, backend, attrs: { dims: [1] } }));
};

const tile: Compute = ({ inputs, backend, attrs }, stock) => {
  const reps = (attrs as { reps: number[] }).reps;
  const axes = reps.flatMap((count, axis) => (count === 1 ? [] : [axis]));
  return alongAxes(inputs.x as tf.TensorInfo, axes, backend, (x, axis) =>
    stock({ inputs: { x }, backend, attrs: { reps: [1, reps[axis], 1] } }),
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
