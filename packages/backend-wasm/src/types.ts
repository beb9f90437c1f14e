// Which dtypes the kernels on the heap support. Many stock kernels silently read int32 and booleans (one byte each) as
// float32: results are noise, and they access memory beyond the tensor. Anything not listed here that is not float32 is
// left to the CPU backend.

import * as tf from "@tensorflow/tfjs";

/** Kernels that move, compare or count, and arithmetic that the stock backend supports for int32. */
const INT32: ReadonlySet<string> = new Set([
  ...[tf.Identity, tf.Reshape, tf.ExpandDims, tf.ZerosLike, tf.OnesLike, tf.OneHot],
  ...[
    tf.Transpose,
    tf.Reverse,
    tf.Slice,
    tf.Concat,
    tf.Pack,
    tf.Unpack,
    tf.SplitV,
    tf.Tile,
    tf.PadV2,
    tf.MirrorPad,
  ],
  ...[tf.GatherV2, tf.GatherNd, tf.ScatterNd, tf.TensorScatterUpdate, tf.SparseToDense, tf.Select],
  ...[tf.Add, tf.AddN, tf.Sub, tf.Multiply, tf.RealDiv, tf.Maximum, tf.Minimum, tf.SquaredDifference],
  ...[tf.Equal, tf.NotEqual, tf.Greater, tf.GreaterEqual, tf.Less, tf.LessEqual],
  ...[tf.Abs, tf.Neg, tf.Square],
  ...[tf.Sum, tf.Mean, tf.Max, tf.Min, tf.Prod, tf.ArgMax, tf.ArgMin, tf.Cumsum, tf.Cumprod, tf.TopK],
  ...[tf.CropAndResize, tf.NonMaxSuppressionV3, tf.NonMaxSuppressionV4, tf.NonMaxSuppressionV5],
]);

const BOOL: ReadonlySet<string> = new Set([
  ...[tf.Identity, tf.Reshape, tf.ExpandDims, tf.ZerosLike, tf.OnesLike, tf.Transpose, tf.Slice],
  ...[tf.LogicalAnd, tf.LogicalOr, tf.LogicalNot, tf.LogicalXor, tf.Any, tf.All, tf.Cast],
]);

export function refusesType(
  kernelName: string,
  dtype: tf.DataType,
  input: string,
  attrs: tf.NamedAttrMap,
): boolean {
  if (dtype === "bool") return !BOOL.has(kernelName) && !(kernelName === tf.Select && input === "condition");
  if (dtype !== "int32") return false;
  if (kernelName === tf.Cast) return attrs.dtype === "bool";
  return !INT32.has(kernelName);
}

/**
 * Casts to bool keep the lowest byte of a number, one-hot rows are int32 whatever dtype is requested, and negative
 * steps make the stock kernel write beyond its result.
 */
export function refuses(kernelName: string, attrs: tf.NamedAttrMap): boolean {
  if (kernelName === tf.Cast) return attrs.dtype === "bool";
  if (kernelName === tf.OneHot) return attrs.dtype !== "int32";
  return kernelName === tf.StridedSlice && (attrs.strides as number[]).some((stride) => stride < 0);
}
