// What the strategies cost on the native library if nothing was measured.

import { product } from "@gmr-conv/core";
import type { ConvProblemSize, CostModel } from "@gmr-conv/tfjs";

/**
 * With the kernels in `native/`, ring sums are faster for every kernel and shape of `bench/ratios.mjs`, save small ones of
 * which both take less than a millisecond. On a GPU, a dense convolution by cuDNN is one launch and the ring sums are
 * many: `dense`, until measured otherwise. Else nanoseconds fitted to that benchmark on two cores with AVX-512: what
 * matters is where one strategy overtakes the other, which differs little between machines. Everything scales with the
 * number of threads, except the op calls.
 */
export function costModel(device: "cpu" | "gpu", threads: number, hasKernels: boolean): CostModel {
  if (hasKernels) return () => ({ ring: 0, dense: 1 });
  if (device === "gpu") return () => ({ ring: 1, dense: 0 });
  return (size) => {
    const { training, rings } = size;
    const calls = training
      ? { ring: 700e3 + 360e3 * rings, dense: 1900e3 }
      : { ring: 150e3 + 200e3 * rings, dense: 550e3 };
    const share = (2 / threads) * size.batch * product(size.outputSize);
    return { ring: calls.ring + share * ringWork(size), dense: calls.dense + share * denseWork(size) };
  };
}

/** Per output position: multiplications, with a minimum number of input channels for gradients. */
function denseWork({ training, inChannels, outChannels, extent }: ConvProblemSize): number {
  const backward = training ? 0.011 * Math.max(inChannels, 16) : 0;
  return extent * outChannels * (0.006 * inChannels + backward);
}

/** Per output position: the sums of x, for gradients also those of dy, and products. */
function ringWork({ training, inChannels, outChannels, rings, extent }: ConvProblemSize): number {
  // Rings fill about two fifths of the kernel's box, and few channels do not fill vectors.
  const sums = (channels: number): number =>
    Math.max(channels, 6) * (0.72 * (rings - 1) + 0.32 * rings) +
    Math.max(channels, 16) * 0.0045 * extent * rings;
  const products = 0.0095 * rings * inChannels * outChannels;
  return training ? sums(inChannels) + sums(outChannels) + 3 * products : sums(inChannels) + products;
}
