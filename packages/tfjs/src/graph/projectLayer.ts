// The weights of a GMR layer that come nearest to those of a stock convolution.

import { initialSigma, mixtureMatrix, product, type RingPartition } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import type { GmrConv } from "../layers/gmrConv.ts";
import { weightNamed } from "./cloneLayer.ts";
import { diagonalBlocks } from "./kernels.ts";
import { recentreKernel, ringMeans, unmixWeights } from "./projectRings.ts";

/** Gives a built GMR layer the weights that come nearest to those of a stock layer. */
export function projectLayer(from: tf.layers.Layer, to: GmrConv): void {
  const { partition } = to;
  const rank = partition.kernelSize.length;
  const depthwise = weightNamed(from, "depthwise_kernel");
  const kernel = depthwise?.read() ?? diagonalBlocks(weightNamed(from, "kernel")!.read(), groupsOf(to));
  const size = kernel.shape.slice(0, rank);
  const positions = product(size);
  const matrix = projection(size, partition, weightNamed(to, "log_sigmas") !== undefined);
  const values = tf.matMul(matrix, kernel.reshape<tf.Tensor2D>([positions, -1]));
  const trained = to.weights[0].shape as [number, number, number];
  to.writeRings(values.reshape(trained));
  const bias = weightNamed(from, "bias");
  if (bias) weightNamed(to, "bias")!.write(bias.read());
}

/** From the positions of a kernel to the ring weights nearest to it, [R, positions]: what becomes of each alone. */
function projection(size: readonly number[], partition: RingPartition, mixture: boolean): tf.Tensor2D {
  const { kernelSize, numRings } = partition;
  const positions = product(size);
  const identity = Float64Array.from({ length: positions ** 2 }, (_, i) => Number(i % (positions + 1) === 0));
  const means = ringMeans(recentreKernel(identity, size, kernelSize), partition);
  if (!mixture) return tf.tensor2d(Float32Array.from(means), [numRings, positions]);
  const logSigmas = new Array<number>(numRings).fill(Math.log(initialSigma(kernelSize[0], numRings)));
  const weights = unmixWeights(means, mixtureMatrix(logSigmas), numRings);
  return tf.tensor2d(Float32Array.from(weights), [numRings, positions]);
}

function groupsOf(layer: GmrConv): number {
  return layer.getConfig().groups as number;
}
