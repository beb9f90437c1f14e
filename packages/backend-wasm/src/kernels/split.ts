// Splitting: the stock kernel copies parts of five-axis tensors number by number.

import { product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { wasm } from "../state.ts";

interface SplitAttrs {
  numOrSizeSplits: number | number[];
  axis: number;
}

export const splitKernels = [
  wasm.override<{ x: tf.TensorInfo }, SplitAttrs>(tf.SplitV, ({ x }, attrs, state, stock) => {
    if (x.dtype !== "float32") return stock();
    const [axis] = tf.util.parseAxisParam(attrs.axis, x.shape);
    const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs.numOrSizeSplits, axis);
    const rows = product(x.shape.slice(0, axis));
    const inner = 4 * product(x.shape.slice(axis + 1));
    let offset = 0;
    return sizes.map((size) => {
      const part = state.output(x.shape.with(axis, size));
      const [from, to] = state.addresses(x, part);
      state.run.copyRows(from + offset * inner, to, rows, x.shape[axis] * inner, size * inner, size * inner);
      offset += size;
      return part;
    });
  }),
];
