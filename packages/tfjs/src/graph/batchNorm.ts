// Inference batch normalisation: what it does to each channel, merged into a convolution or as a stock layer.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { FusedBatchNormalization } from "../layers/fusedBatchNormalization.ts";
import { applyLayer, cloneLayer, weightNamed } from "./cloneLayer.ts";
import type { UniqueName } from "./rebuild.ts";
import type { SharedLayers } from "./sharedLayers.ts";

const WEIGHTS = ["gamma", "beta", "moving_mean", "moving_variance"];

/** What is used of the layers' configs. */
interface NormConfig {
  momentum: number;
  epsilon: number;
  relu?: boolean;
  trainable: boolean;
}

/** y = scale · x + shift for each channel, then a rectifier if `relu`. */
export interface ChannelAffine {
  readonly scale: tf.Tensor1D;
  readonly shift: tf.Tensor1D;
  readonly relu: boolean;
}

/** Whether a layer normalises the last axis of inputs of this rank by fixed statistics, outside training. */
export function isChannelNorm(layer: tf.layers.Layer, inputRank: number): boolean {
  if (layer instanceof FusedBatchNormalization) return true;
  const axis = layer.getClassName() === "BatchNormalization" ? layer.getConfig().axis : undefined;
  return axis === -1 || axis === inputRank - 1;
}

/** What a layer of {@link isChannelNorm} computes: γ (x - mean) / √(variance + ε) + β. */
export function normAffine(layer: tf.layers.Layer): ChannelAffine {
  const read = (name: string) => weightNamed(layer, name)?.read() as tf.Tensor1D | undefined;
  const [gamma, beta, mean, variance] = WEIGHTS.map(read);
  const { epsilon, relu = false } = layer.getConfig() as unknown as NormConfig;
  const inverse = variance!.add<tf.Tensor1D>(epsilon).rsqrt();
  const scale = gamma ? inverse.mul<tf.Tensor1D>(gamma) : inverse;
  const shift = mean!.mul<tf.Tensor1D>(scale).neg();
  return { scale, shift: beta ? shift.add(beta) : shift, relu };
}

/** Stock layers whose output channels can be scaled through their weights. */
const SCALABLE: ReadonlySet<string> = new Set([
  "Conv1D",
  "Conv2D",
  "Conv3D",
  "Conv2DTranspose",
  "Conv3DTranspose",
  "DepthwiseConv2D",
  "Dense",
]);

/** Whether a normalisation of its output can be merged into a stock layer. */
export function isScalable(layer: tf.layers.Layer): boolean {
  if (!SCALABLE.has(layer.getClassName())) return false;
  const { activation, dataFormat } = layer.getConfig();
  return activation === "linear" && dataFormat !== "channelsFirst";
}

/** A layer of {@link isScalable} and the normalisation after it as one layer. */
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
    biasConstraint: null,
  });
  const [output] = applyLayer(merged, [input]);
  const kernel = (weightNamed(layer, "kernel") ?? weightNamed(layer, "depthwise_kernel"))!.read();
  const bias = weightNamed(layer, "bias")?.read() as tf.Tensor1D | undefined;
  const scale = affine.scale.reshape(channelShape(layer, kernel));
  merged.setWeights([kernel.mul(scale), mergedBias(bias, affine)]);
  return output;
}

/** The shape in which one number per output channel multiplies a stock kernel. */
function channelShape(layer: tf.layers.Layer, kernel: tf.Tensor): number[] {
  const className = layer.getClassName();
  if (className.endsWith("Transpose")) return [-1, 1];
  return className === "DepthwiseConv2D" ? kernel.shape.slice(2) : [-1];
}

export function mergedBias(bias: tf.Tensor1D | undefined, { scale, shift }: ChannelAffine): tf.Tensor1D {
  return bias ? bias.mul<tf.Tensor1D>(scale).add(shift) : shift;
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
    () => WEIGHTS.map((weight) => weightNamed(layer, weight)!.read()),
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
