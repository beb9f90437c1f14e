// Inference batch normalisation, merged into a stock layer or as one.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import type { FusedBatchNormalization } from "../layers/fusedBatchNormalization.ts";
import { applyLayer, cloneLayer, weightNamed } from "./cloneLayer.ts";
import { type ChannelAffine, mergedBias, NORM_WEIGHTS } from "./merges.ts";
import type { UniqueName } from "./rebuild.ts";
import type { SharedLayers } from "./sharedLayers.ts";

/** What is used of the layers' configs. */
interface NormConfig {
  momentum: number;
  epsilon: number;
  relu?: boolean;
  trainable: boolean;
}

/** A stock layer of `planMerges` and the normalisation after it as one layer. */
export function mergeIntoStock(
  layer: tf.layers.Layer,
  affine: ChannelAffine,
  input: tf.SymbolicTensor,
  name: string,
): tf.SymbolicTensor {
  const merged = cloneLayer(layer, {
    name,
    useBias: true,
    activation: affine.relu ? "relu" : "linear",
    // They are about the weights as they were.
    kernelConstraint: null,
    depthwiseConstraint: null,
    pointwiseConstraint: null,
    biasConstraint: null,
  });
  const [output] = applyLayer(merged, [input]);
  const kernels = KERNELS.flatMap((name) => weightNamed(layer, name)?.read() ?? []);
  const last = kernels.length - 1; // of a separable convolution the one that makes the output's channels
  const scale = affine.scale.reshape(channelShape(layer, kernels[last]));
  const scaled = kernels.with(last, kernels[last].mul(scale));
  merged.setWeights([...scaled, mergedBias(weightNamed(layer, "bias")?.read(), affine)]);
  return output;
}

/** In the order of the layers' weights. */
const KERNELS = ["kernel", "depthwise_kernel", "pointwise_kernel"];

/** The shape in which one number per output channel multiplies a stock kernel. */
function channelShape(layer: tf.layers.Layer, kernel: tf.Tensor): number[] {
  const className = layer.getClassName();
  if (className.endsWith("Transpose")) return [-1, 1];
  return className === "DepthwiseConv2D" ? kernel.shape.slice(2) : [-1];
}

/** A {@link FusedBatchNormalization} as stock layers. @throws GmrError `unsupported` */
export function stockNorm(
  layer: FusedBatchNormalization,
  input: tf.SymbolicTensor,
  name: UniqueName,
  layers: SharedLayers,
): tf.SymbolicTensor {
  const { momentum, epsilon, relu, trainable } = layer.getConfig() as unknown as NormConfig;
  const rows = asRows(input, layer.name, name);
  let y = layers.call(
    layer,
    "norm",
    rows,
    () => tf.layers.batchNormalization({ name: name(), momentum, epsilon, trainable }),
    () => NORM_WEIGHTS.map((weight) => weightNamed(layer, weight)!.read()),
  );
  if (rows !== input) {
    const targetShape = input.shape.slice(1);
    [y] = applyLayer(tf.layers.reshape({ targetShape, name: name(`${layer.name}.maps`) }), [y]);
  }
  if (!relu) return y;
  return applyLayer(tf.layers.activation({ activation: "relu", name: name(`${layer.name}.relu`) }), [y])[0];
}

/** The stock layer takes up to four axes; more are joined. */
function asRows(input: tf.SymbolicTensor, owner: string, name: UniqueName): tf.SymbolicTensor {
  const [, ...sizes] = input.shape;
  if (sizes.length <= 3) return input;
  const channels = sizes.at(-1) as number;
  const positions = sizes.slice(0, -1).reduce<number | null>((a, b) => (a && b ? a * b : null), 1);
  if (positions === null) {
    throw new GmrError(
      "unsupported",
      `layer ${owner} needs inputs of known size to become a stock batch normalisation, got ` +
        `[${input.shape.map((n) => n ?? "null")}]`,
    );
  }
  const rows = tf.layers.reshape({ targetShape: [positions, channels], name: name(`${owner}.rows`) });
  return applyLayer(rows, [input])[0];
}
