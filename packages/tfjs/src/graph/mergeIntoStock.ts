// Inference batch normalisation, merged into a stock layer.

import type * as tf from "@tensorflow/tfjs";
import { applyLayer, cloneLayer, weightNamed } from "./cloneLayer.ts";
import { type ChannelAffine, mergedBias } from "./merges.ts";

/** Merges a stock layer of `planMerges` and the normalisation after it into one layer. */
export function mergeIntoStock(
  layer: tf.layers.Layer,
  affine: ChannelAffine,
  input: tf.SymbolicTensor,
  name: string,
): tf.SymbolicTensor {
  const merged = cloneLayer(layer, {
    name,
    useBias: true,
    activation: affine.slope === 0 ? "relu" : "linear",
    // They apply to the weights as they were.
    kernelConstraint: null,
    depthwiseConstraint: null,
    pointwiseConstraint: null,
    biasConstraint: null,
  });
  const [output] = applyLayer(merged, [input]);
  const kernels = KERNELS.flatMap((name) => weightNamed(layer, name)?.read() ?? []);
  const last = kernels.length - 1; // for a separable convolution, the one that makes the output channels
  const scale = affine.scale.reshape(channelShape(layer, kernels[last]));
  const scaled = kernels.with(last, kernels[last].mul(scale));
  merged.setWeights([...scaled, mergedBias(weightNamed(layer, "bias")?.read(), affine)]);
  return output;
}

/** In the order of the layer's weights. */
const KERNELS = ["kernel", "depthwise_kernel", "pointwise_kernel"];

/** The shape in which one number per output channel multiplies a stock kernel. */
function channelShape(layer: tf.layers.Layer, kernel: tf.Tensor): number[] {
  const className = layer.getClassName();
  if (className.endsWith("Transpose")) return [-1, 1];
  return className === "DepthwiseConv2D" ? kernel.shape.slice(2) : [-1];
}
