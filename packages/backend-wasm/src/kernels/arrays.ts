// Stock kernels that are slow for the shapes of networks: parts of tensors with five axes are copied number by number,
// and sums over all axes but the last (the gradients of biases) are taken of a transposed copy.

import { kernelConfig } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { elements, kernelsOf } from "../module.ts";

interface Inputs {
  x: tf.TensorInfo;
}

interface SplitAttrs extends tf.NamedAttrMap {
  numOrSizeSplits: number | number[];
  axis: number;
}

interface SumAttrs extends tf.NamedAttrMap {
  axis: number | number[];
  keepDims: boolean;
}

/** A stock kernel with ours in its place for the inputs that `applies` accepts. */
function replaced<Attrs extends tf.NamedAttrMap>(
  kernelName: string,
  applies: (x: tf.TensorInfo, attrs: Attrs) => boolean,
  compute: (inputs: Inputs, attrs: Attrs, backend: object) => tf.TensorInfo | tf.TensorInfo[],
): tf.KernelConfig {
  const stock = tf.getKernel(kernelName, "wasm");
  const ours = kernelConfig<Inputs, Attrs>({ name: kernelName }, "wasm", compute);
  return {
    ...stock,
    kernelFunc: (args) => {
      const x = args.inputs.x as tf.TensorInfo;
      const chosen = x.dtype === "float32" && applies(x, args.attrs as Attrs) ? ours : stock;
      return chosen.kernelFunc(args);
    },
  };
}

/** To be called before the kernels are replaced, since the stock ones are asked for here. */
export function arrayConfigs(): tf.KernelConfig[] {
  return [
    replaced<SplitAttrs>(tf.SplitV, () => true, split),
    replaced<SumAttrs>(tf.Sum, (x, { axis }) => isOverRows(x, axis), sumOverRows),
  ];
}

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

/** Whether a sum is over all axes but the last. */
function isOverRows({ shape }: tf.TensorInfo, axis: number | number[]): boolean {
  const axes = tf.util.parseAxisParam(axis, shape);
  const last = shape.length - 1;
  return last > 0 && axes.length === last && !axes.includes(last) && elements(shape) > 0;
}

function sumOverRows({ x }: Inputs, { keepDims }: SumAttrs, backend: object): tf.TensorInfo {
  const kernels = kernelsOf(backend);
  const last = x.shape.length - 1;
  const channels = x.shape[last];
  const y = kernels.output(keepDims ? x.shape.map((n, a) => (a === last ? n : 1)) : [channels]);
  kernels.run.sumRows(kernels.address(x), kernels.address(y), elements(x.shape) / channels, channels);
  return y;
}
