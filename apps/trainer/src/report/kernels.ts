// The learned kernels of a network, for the report.

import { gmrKernel, kernelPicture, kernelSlice } from "@gmr-conv/core";
import { GmrConv2D } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { KernelLayer } from "../report/types.ts";

const PICTURES = 8;

/** A sample of the kernels of every spatial convolution, folded. */
export async function learnedKernels(model: tf.LayersModel): Promise<KernelLayer[]> {
  const layers: KernelLayer[] = [];
  for (const layer of model.layers) {
    if (!layer.trainable) continue;
    const found = layer instanceof GmrConv2D ? await ringKernel(layer) : await denseKernel(layer);
    if (found) layers.push(found);
  }
  return layers;
}

async function ringKernel(layer: GmrConv2D): Promise<KernelLayer> {
  const [weights, logSigmas] = layer.weights.map((weight) => weight.read());
  const { kernelSize } = layer.partition;
  const sigmas = logSigmas && (await logSigmas.data());
  const kernel = gmrKernel(
    { weights: Float64Array.from(await weights.data()), logSigmas: sigmas && Float64Array.from(sigmas) },
    layer.partition,
  );
  return {
    layer: layer.name,
    kernelSize: kernelSize[0],
    pictures: pictures(kernel, [...kernelSize], weights.shape[1] ?? 1, layer.filters),
    sigmas: sigmas ? Array.from(sigmas, Math.exp) : [],
  };
}

async function denseKernel(layer: tf.layers.Layer): Promise<KernelLayer | undefined> {
  const kernel = layer.weights.find((weight) => weight.originalName.endsWith("/kernel"))?.read();
  if (kernel?.rank !== 4 || kernel.shape[0] === 1) return undefined;
  const [height, width, inputs, outputs] = kernel.shape as [number, number, number, number];
  const values = Float64Array.from(await kernel.data());
  return {
    layer: layer.name,
    kernelSize: height,
    pictures: pictures(values, [height, width], inputs, outputs),
    sigmas: [],
  };
}

function pictures(
  kernel: Float64Array,
  kernelSize: number[],
  inputs: number,
  outputs: number,
): KernelLayer["pictures"] {
  const count = Math.min(PICTURES, outputs);
  return Array.from({ length: count }, (_, output) => {
    const slice = kernelSlice(kernel, kernelSize, [inputs, outputs], [output % inputs, output]);
    const { width, height, values } = kernelPicture(slice, kernelSize);
    return { width, height, values: Array.from(values) };
  });
}
