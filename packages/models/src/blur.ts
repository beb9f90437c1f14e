// A fixed Gaussian blur of the images: a ring convolution whose weights are not trained.

import { centreDistances, ringPartition } from "@gmr-conv/core";
import { gmrConv2dLayer, gmrConv3dLayer } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

/**
 * Blurs each channel of x by a Gaussian of standard deviation `sigma` pixels, cut off at 3σ. The rings are so narrow
 * that each holds (nearly) a single distance.
 */
export function gaussianBlur(x: tf.SymbolicTensor, name: string, sigma: number): tf.SymbolicTensor {
  const rank = x.shape.length === 5 ? 3 : 2;
  const channels = x.shape[x.shape.length - 1] ?? 0;
  const kernelSize = blurKernelSize(sigma);
  const numRings = 2 * kernelSize;
  const layer = (rank === 3 ? gmrConv3dLayer : gmrConv2dLayer)({
    name,
    filters: channels,
    kernelSize,
    numRings,
    groups: channels,
    padding: "same",
    mixture: false,
    useBias: false,
    trainable: false,
  });
  const blurred = layer.apply(x) as tf.SymbolicTensor;
  // Weights passed to the constructor would outlive the layer.
  const weights = ringWeights(kernelSize, numRings, sigma, rank);
  tf.tidy(() => layer.writeRings(tf.tensor3d(weights, [numRings, 1, 1]).tile([1, 1, channels])));
  return blurred;
}

/** The kernel size of a Gaussian blur that is cut off at 3σ. */
export const blurKernelSize = (sigma: number): number => 2 * Math.ceil(3 * sigma) + 1;

/** One weight per ring: the mean of the Gaussian over the ring, scaled so that the kernel sums to one. */
function ringWeights(kernelSize: number, numRings: number, sigma: number, rank: 2 | 3): Float32Array {
  const { index, counts, kernelSize: sizes } = ringPartition(kernelSize, { rank, numRings });
  const distances = centreDistances(sizes);
  const sums = new Float64Array(numRings);
  index.forEach((ring, position) => {
    if (ring >= 0) sums[ring] += Math.exp(-0.5 * (distances[position] / sigma) ** 2);
  });
  const total = sums.reduce((a, b) => a + b, 0);
  return Float32Array.from(sums, (sum, ring) => sum / Math.max(1, counts[ring]) / total);
}
