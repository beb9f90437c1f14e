// Sums and means. The stock kernels leave thousands of numbers to each thread, and fail where they would need more
// workgroups than a device allows.

import { product } from "@gmr-conv/core";
import { type Reduction, reductionKernels } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { webGpu } from "../attach.ts";
import { elements, type Gpu } from "../gpu.ts";
import { sumAxis } from "../sumAxis.ts";

/** Numbers in a row up to which the stock kernels, which take one pass, are as exact. */
const SMALL = 4096;

function reduce(
  x: tf.TensorInfo,
  { steps, scale, outShape }: Reduction,
  gpu: Gpu,
): tf.TensorInfo | undefined {
  if (elements(x) === 0) {
    // Zeros; means of nothing are NaN.
    const values = new Float32Array(product(outShape)).fill(scale === Infinity ? NaN : 0);
    return gpu.tensor(outShape, "float32", values);
  }
  const [{ length, inner }] = steps;
  if (steps.length === 1 && inner === 1 && length <= SMALL) return undefined;
  let sums = x;
  steps.forEach((step, i) => {
    const next = sumAxis(gpu, sums, step, i === steps.length - 1 ? scale : 1);
    if (i > 0) gpu.dispose(sums);
    sums = next;
  });
  return { ...sums, shape: outShape };
}

export const sumKernels = reductionKernels(webGpu, reduce);
