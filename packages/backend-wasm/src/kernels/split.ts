// Splitting: the stock kernel copies parts of tensors with five axes number by number.

import { overrideKernel } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { elements, kernelsOf } from "../module.ts";

interface Inputs {
  x: tf.TensorInfo;
}

interface SplitAttrs extends tf.NamedAttrMap {
  numOrSizeSplits: number | number[];
  axis: number;
}

export const splitKernel = overrideKernel(tf.SplitV, "wasm", (args, stock) => {
  const inputs = args.inputs as unknown as Inputs;
  return inputs.x.dtype === "float32" ? split(inputs, args.attrs as SplitAttrs, args.backend) : stock(args);
});

function split({ x }: Inputs, attrs: SplitAttrs, backend: object): tf.TensorInfo[] {
  const kernels = kernelsOf(backend);
  const [axis] = tf.util.parseAxisParam(attrs.axis, x.shape);
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
}
