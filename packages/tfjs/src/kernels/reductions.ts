// Sums and means over any axes, for backends that replace the stock kernels. Most of those add float32 numbers one by
// one and lose digits with each (on wasm, a sum of ones stops at 16,777,216).

import { product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import type { BackendKernels, KernelOverride } from "./register.ts";

/** Sums over the middle axis: [outer, length, inner] → [outer, inner]. */
export interface ReductionStep {
  outer: number;
  length: number;
  inner: number;
}

/** Steps to take in order, and a factor for the sums of the last one. */
export interface Reduction {
  steps: ReductionStep[];
  scale: number;
  outShape: number[];
}

interface ReduceAttrs extends tf.NamedAttrMap {
  axis: number | number[];
  keepDims: boolean;
}

/** Adjacent axes form one step, the last first; axes of size one may belong to any. */
export function planReduction(shape: number[], { axis, keepDims }: ReduceAttrs, mean: boolean): Reduction {
  const axes = tf.util.parseAxisParam(axis, shape);
  const left = [...shape];
  const steps: ReductionStep[] = [];
  for (let end = shape.length; end > 0; ) {
    if (!axes.includes(end - 1)) {
      end--;
      continue;
    }
    let first = end - 1;
    while (first > 0 && (axes.includes(first - 1) || shape[first - 1] === 1)) first--;
    const [outer, length, inner] = [left.slice(0, first), left.slice(first, end), left.slice(end)].map(
      product,
    );
    steps.push({ outer, length, inner });
    left.fill(1, first, end);
    end = first;
  }
  const [kept, reduced] = tf.backend_util.computeOutAndReduceShapes(shape, axes);
  const outShape = keepDims ? tf.backend_util.expandShapeToKeepDim(kept, axes) : kept;
  return { steps, scale: mean ? 1 / product(reduced) : 1, outShape };
}

/**
 * The kernels Sum and Mean.
 * @param reduce for float32 and at least one step; returns undefined to use the stock kernel
 */
export function reductionKernels<State>(
  kernels: BackendKernels<State>,
  reduce: (x: tf.TensorInfo, reduction: Reduction, state: State) => tf.TensorInfo | undefined,
): KernelOverride[] {
  return [tf.Sum, tf.Mean].map((kernelName) => {
    const isMean = kernelName === tf.Mean;
    const override: KernelOverride["override"] = (args, stock) => {
      const { x } = args.inputs as { x: tf.TensorInfo };
      const attrs = args.attrs as ReduceAttrs;
      const { backend } = args;
      const compute = (from: tf.TensorInfo): tf.TensorInfo => {
        const reduction = planReduction(from.shape, attrs, isMean);
        const found =
          reduction.steps.length > 0 ? reduce(from, reduction, kernels.stateOf(backend)) : undefined;
        return found ?? (stock({ inputs: { x: from }, attrs, backend }) as tf.TensorInfo);
      };
      if (x.dtype === "float32") return compute(x);
      if (!isMean) return stock(args);
      const { kernelFunc: cast } = tf.getKernel(tf.Cast, kernels.name);
      const floats = cast({ inputs: { x }, attrs: { dtype: "float32" }, backend }) as tf.TensorInfo;
      try {
        return compute(floats);
      } finally {
        disposeInfo(floats, backend);
      }
    };
    return { kernelName, backendName: kernels.name, override };
  });
}

/** Disposes of what one kernel returned to another. */
function disposeInfo(info: tf.TensorInfo, backend: object): void {
  if (info instanceof tf.Tensor) info.dispose();
  else (backend as tf.KernelBackend).disposeData(info.dataId);
}
