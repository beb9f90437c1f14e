// Stock kernels that are slow for the shapes of networks: parts of tensors with five axes are copied number by number,
// and sums over all axes but the last (the gradients of biases) are taken of a transposed copy.

import { kernelConfig } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { elements, kernelsOf } from "../module.ts";

interface SplitAttrs extends tf.NamedAttrMap {
  numOrSizeSplits: number | number[];
  axis: number;
}

interface SumAttrs extends tf.NamedAttrMap {
  axis: number | number[];
  keepDims: boolean;
}

/** The kernels of the stock backend, for what ours leave to them. */
const stock = {
  split: tf.getKernel(tf.SplitV, "wasm"),
  sum: tf.getKernel(tf.Sum, "wasm"),
};

export const splitConfig = kernelConfig<{ x: tf.TensorInfo }, SplitAttrs>(
  { name: tf.SplitV },
  "wasm",
  ({ x }, attrs, backend) => {
    if (x.dtype !== "float32") return stock.split.kernelFunc({ inputs: { x }, attrs, backend });
    const kernels = kernelsOf(backend);
    const [axis] = tf.util.parseAxisParam(attrs.axis, x.shape);
    // The op has put the sizes of the parts in the place of their number.
    const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs.numOrSizeSplits, axis);
    const rows = elements(x.shape.slice(0, axis));
    const inner = 4 * elements(x.shape.slice(axis + 1));
    let offset = 0;
    return sizes.map((size) => {
      const part = kernels.output(x.shape.map((n, a) => (a === axis ? size : n)));
      const [from, to] = [kernels.address(x) + offset * inner, kernels.address(part)];
      kernels.run.copyRows(from, to, rows, x.shape[axis] * inner, size * inner, size * inner);
      offset += size;
      return part;
    });
  },
);

export const sumConfig = kernelConfig<{ x: tf.TensorInfo }, SumAttrs>(
  { name: tf.Sum },
  "wasm",
  ({ x }, attrs, backend) => {
    const axes = tf.util.parseAxisParam(attrs.axis, x.shape);
    const last = x.shape.length - 1;
    const allButLast = last > 0 && axes.length === last && !axes.includes(last);
    if (!allButLast || x.dtype !== "float32" || elements(x.shape) === 0) {
      return stock.sum.kernelFunc({ inputs: { x }, attrs, backend });
    }
    const kernels = kernelsOf(backend);
    const channels = x.shape[last];
    const y = kernels.output(attrs.keepDims ? x.shape.map((n, a) => (a === last ? n : 1)) : [channels]);
    kernels.run.sumRows(kernels.address(x), kernels.address(y), elements(x.shape) / channels, channels);
    return y;
  },
);
