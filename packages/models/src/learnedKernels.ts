// The learned kernels of a network, for pictures.

import { kernelPicture, kernelSlice } from "@gmr-conv/core/pictures";
import { GmrConv, weightNamed } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

/** Pictures of a layer. */
const PICTURES = 8;

/** Some kernels of a layer, folded to dense ones. */
export interface LearnedKernels {
  layer: string;
  kernelSize: number;
  /** Raw kernel values, row by row. */
  pictures: { width: number; height: number; values: number[] }[];
  /** Width of each ring's Gaussian in ring units, innermost ring first; empty for a dense layer. */
  sigmas: number[];
}

/**
 * A sample of the kernels, up to eight of each spatial convolution of images: of output channel i, from input channel i
 * modulo their number. Keeps no tensors.
 *
 * @param names of the layers, by default all
 */
export async function learnedKernels(
  model: tf.LayersModel,
  names?: readonly string[],
): Promise<LearnedKernels[]> {
  const layers: LearnedKernels[] = [];
  for (const layer of model.layers) {
    if (!layer.trainable || names?.includes(layer.name) === false) continue;
    const found = layer instanceof GmrConv ? await ringKernel(layer) : await denseKernel(layer);
    if (found) layers.push(found);
  }
  return layers;
}

async function ringKernel(layer: GmrConv): Promise<LearnedKernels | undefined> {
  if (layer.rank !== 2 || layer.transposed) return undefined;
  const { kernel, bias } = layer.foldedConv();
  try {
    const logSigmas = await weightNamed(layer, "log_sigmas")?.read().data();
    const sigmas = logSigmas ? Array.from(logSigmas, Math.exp) : [];
    return await kernelLayer(layer.name, kernel, sigmas);
  } finally {
    tf.dispose(bias ? [kernel, bias] : kernel);
  }
}

async function denseKernel(layer: tf.layers.Layer): Promise<LearnedKernels | undefined> {
  const kernel = layer.weights.find((weight) => weight.originalName.endsWith("/kernel"))?.read();
  if (kernel?.rank !== 4 || kernel.shape[0] === 1) return undefined;
  return kernelLayer(layer.name, kernel, []);
}

/** @param kernel [height, width, Cin, Cout] */
async function kernelLayer(layer: string, kernel: tf.Tensor, sigmas: number[]): Promise<LearnedKernels> {
  const [height, width, inputs, outputs] = kernel.shape as [number, number, number, number];
  const values = Float64Array.from(await kernel.data());
  return { layer, kernelSize: height, pictures: pictures(values, [height, width], inputs, outputs), sigmas };
}

function pictures(
  kernel: Float64Array,
  kernelSize: number[],
  inputs: number,
  outputs: number,
): LearnedKernels["pictures"] {
  const count = Math.min(PICTURES, outputs);
  return Array.from({ length: count }, (_, output) => {
    const slice = kernelSlice(kernel, kernelSize, [inputs, outputs], [output % inputs, output]);
    const { width, height, values } = kernelPicture(slice, kernelSize);
    return { width, height, values: Array.from(values) };
  });
}
