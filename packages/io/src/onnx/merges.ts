// Batch normalisation that goes into the weights of the convolution before it.

import { countUses, type GraphNode, graphNodes, isFoldableConv } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { DataFormat } from "./layerCall.ts";
import { batchNormAxis } from "./normLayers.ts";

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

/** The models inside a model, and itself, each once. */
export function nestedModels(model: tf.LayersModel): tf.LayersModel[] {
  const models = new Set([model]);
  for (const each of models) {
    for (const { layer } of graphNodes(each)) if (layer instanceof tf.LayersModel) models.add(layer);
  }
  return [...models];
}

/**
 * Calls of convolutions by the id of the output of the batch normalisation that is merged into them. It is the only
 * one that takes their output, they have no activation, and they are called once.
 */
export function planMerges(model: tf.LayersModel): Map<number, GraphNode> {
  const graphs = nestedModels(model).map((each) => ({ model: each, nodes: graphNodes(each) }));
  const calls = new Map<tf.layers.Layer, number>();
  for (const { layer } of graphs.flatMap(({ nodes }) => nodes)) calls.set(layer, (calls.get(layer) ?? 0) + 1);
  const merges = new Map<number, GraphNode>();
  for (const { model, nodes } of graphs) {
    const uses = countUses(model, nodes);
    const makers = new Map(nodes.map((node) => [node.outputs[0].id, node]));
    for (const { layer, inputs, outputs } of nodes) {
      if (inputs.length !== 1 || uses.get(inputs[0].id) !== 1) continue;
      const conv = makers.get(inputs[0].id);
      const axis = conv && calls.get(conv.layer) === 1 ? scalableAxis(conv.layer, inputs[0].rank) : undefined;
      if (conv && axis !== undefined && axis === batchNormAxis(layer, inputs[0].rank)) {
        merges.set(outputs[0].id, conv);
      }
    }
  }
  return merges;
}

/** The axis of a layer's output that its weights can scale, or undefined. */
function scalableAxis(layer: tf.layers.Layer, rank: number): number | undefined {
  if (!SCALABLE.has(layer.getClassName()) && !isFoldableConv(layer)) return undefined;
  const { activation, dataFormat } = layer.getConfig() as { activation: string; dataFormat?: DataFormat };
  if (activation !== "linear") return undefined;
  return dataFormat === "channelsFirst" ? 1 : rank - 1;
}
