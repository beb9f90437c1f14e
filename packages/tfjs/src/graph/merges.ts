// Batch normalisation merged into the convolution before it: what it does to each channel, and where.

import type * as tf from "@tensorflow/tfjs";
import { isFoldableConv } from "../layers/foldedConv.ts";
import { weightNamed } from "./cloneLayer.ts";
import { countUses, type GraphNode, nestedGraphs } from "./nodes.ts";

/** The weights of a batch normalisation, by the last part of their names, in the order of the stock layer. */
export const NORM_WEIGHTS = ["gamma", "beta", "moving_mean", "moving_variance"] as const;

/** y = scale · x + shift for each channel, then y · slope where y is negative. */
export interface ChannelAffine {
  readonly scale: tf.Tensor1D;
  readonly shift: tf.Tensor1D;
  /** In [0, 1]: 0 for a rectifier, 1 for none. */
  readonly slope: number;
}

/** The axis that a batch normalisation acts on, or undefined for other layers. @param rank of its input */
export function normAxis(layer: tf.layers.Layer, rank: number): number | undefined {
  const className = layer.getClassName();
  if (className === "FusedBatchNormalization") return rank - 1;
  if (className !== "BatchNormalization") return undefined;
  const { axis = -1 } = layer.getConfig() as { axis?: number };
  return axis < 0 ? axis + rank : axis;
}

/** What a batch normalisation computes at inference: γ (x - mean) / √(variance + ε) + β. */
export function normAffine(layer: tf.layers.Layer): ChannelAffine {
  const read = (name: string) => weightNamed(layer, name)?.read() as tf.Tensor1D | undefined;
  const [gamma, beta, mean, variance] = NORM_WEIGHTS.map(read);
  const config = layer.getConfig() as unknown as { epsilon: number; relu?: boolean; slope?: number };
  const { epsilon, relu = false, slope = relu ? 0 : 1 } = config;
  const inverse = variance!.add<tf.Tensor1D>(epsilon).rsqrt();
  const scale = gamma ? inverse.mul<tf.Tensor1D>(gamma) : inverse;
  const shift = mean!.mul<tf.Tensor1D>(scale).neg();
  return { scale, shift: beta ? shift.add(beta) : shift, slope };
}

/** The bias of a layer that a normalisation is merged into. */
export function mergedBias(bias: tf.Tensor | undefined, { scale, shift }: ChannelAffine): tf.Tensor1D {
  return bias ? bias.mul<tf.Tensor1D>(scale).add(shift) : shift;
}

/** Stock layers whose output channels can be scaled through their weights. */
const SCALABLE: ReadonlySet<string> = new Set([
  "Conv1D",
  "Conv2D",
  "Conv3D",
  "Conv2DTranspose",
  "Conv3DTranspose",
  "DepthwiseConv2D",
  "SeparableConv2D",
  "Dense",
]);

/** The axis of a layer's output that its weights can scale, or undefined. */
function scalableAxis(layer: tf.layers.Layer, rank: number): number | undefined {
  if (!SCALABLE.has(layer.getClassName()) && !isFoldableConv(layer)) return undefined;
  const { activation, dataFormat } = layer.getConfig();
  if (activation !== "linear") return undefined;
  return dataFormat === "channelsFirst" ? 1 : rank - 1;
}

/**
 * Calls of convolutions by the output id of the batch normalisation that can be merged into them: only it uses their
 * output, they have no activation, and they are called once. Nested models are included.
 * @param wanted selects convolutions
 */
export function planMerges(
  model: tf.LayersModel,
  wanted: (layer: tf.layers.Layer) => boolean = () => true,
): Map<number, GraphNode> {
  const graphs = nestedGraphs(model);
  const calls = new Map<tf.layers.Layer, number>();
  for (const { layer } of graphs.flatMap(({ nodes }) => nodes)) calls.set(layer, (calls.get(layer) ?? 0) + 1);
  const merges = new Map<number, GraphNode>();
  for (const { model: each, nodes } of graphs) {
    const uses = countUses(each, nodes);
    const makers = new Map(nodes.map((node) => [node.outputs[0].id, node]));
    for (const { layer, inputs, outputs } of nodes) {
      if (inputs.length !== 1 || uses.get(inputs[0].id) !== 1) continue;
      const [{ id, rank }] = inputs;
      const conv = makers.get(id);
      if (!conv || calls.get(conv.layer) !== 1 || !wanted(conv.layer)) continue;
      const axis = scalableAxis(conv.layer, rank);
      if (axis !== undefined && axis === normAxis(layer, rank)) merges.set(outputs[0].id, conv);
    }
  }
  return merges;
}
