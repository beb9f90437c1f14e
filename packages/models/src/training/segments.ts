// Cutting a model into segments that are computed one after another.

import { describeValue, GmrError } from "@gmr-conv/core";
import { type GraphNode, graphNodes } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";

/** Consecutive calls of layers. Tensors are symbolic. */
export interface Segment {
  readonly nodes: readonly GraphNode[];
  /** Made before the segment and read in it. The last segment also reads the model's outputs, for the loss. */
  readonly reads: readonly tf.SymbolicTensor[];
  /** Made in the segment and read after it; empty for the last segment. */
  readonly makes: readonly tf.SymbolicTensor[];
}

/** Layers by stage: in this package's networks, the part of a name before the first dot. */
const STAGE = /^(layer\d+|conv_0|down_\d+|upcat_\d+)\./;

/**
 * Names of the last layers of all stages but the last of a network of this package (`resNet`, `unet` and their
 * relatives). {@link checkpointedGradients} cuts there by default.
 * @throws GmrError `invalid-argument` for a model with fewer than two such stages
 */
export function stageEnds(model: tf.LayersModel): string[] {
  const ends = new Map<string, string>();
  for (const { layer } of graphNodes(model)) {
    const [, stage] = STAGE.exec(layer.name) ?? [];
    if (stage !== undefined) ends.set(stage, layer.name);
  }
  if (ends.size >= 2) return [...ends.values()].slice(0, -1);
  throw new GmrError(
    "invalid-argument",
    `model ${model.name} has no stages with names such as "layer1.0.conv1": give the names of layers to cut after`,
  );
}

/**
 * Names of all layers after which everything passes through a single tensor, the layer's output, in order of execution,
 * without inputs and the last layer. Cutting there keeps the fewest tensors.
 */
export function stageBoundaries(model: tf.LayersModel): string[] {
  const nodes = computedNodes(model);
  const places = nodes.slice(0, -1).flatMap(({ layer, outputs }, i) => {
    const crossing = crossingTensors(model, nodes, i);
    return crossing.length === 1 && crossing[0] === outputs[0] ? [layer.name] : [];
  });
  return places;
}

/**
 * Cuts a model after each of the named layers, in any order.
 * @throws GmrError `invalid-argument` for names that are not a layer's, or a layer's that is called several times or
 *   ends the model
 */
export function cutModel(model: tf.LayersModel, stages: readonly string[]): Segment[] {
  const nodes = computedNodes(model);
  const cuts = stages.map((name) => {
    const calls = nodes.flatMap(({ layer }, i) => (layer.name === name ? [i] : []));
    if (calls.length === 1 && calls[0] < nodes.length - 1) return calls[0] + 1;
    throw new GmrError(
      "invalid-argument",
      `stages must name layers that are called once, before the last one: ` +
        `${describeValue(name)} has ${calls.length} call(s) in model ${model.name}`,
    );
  });
  const starts = [...new Set([0, ...cuts])].sort((a, b) => a - b);
  return starts.map((start, s) => {
    const end = starts[s + 1] ?? nodes.length;
    const own = nodes.slice(start, end);
    const made = new Set(own.flatMap(({ outputs }) => outputs));
    const last = end === nodes.length;
    const read = new Set([...own.flatMap(({ inputs }) => inputs), ...(last ? model.outputs : [])]);
    return {
      nodes: own,
      reads: [...read].filter((tensor) => !made.has(tensor)),
      makes: last ? [] : crossingTensors(model, nodes, end - 1).filter((tensor) => made.has(tensor)),
    };
  });
}

/** The calls of a model's layers, without its inputs. */
function computedNodes(model: tf.LayersModel): GraphNode[] {
  return graphNodes(model).filter(({ inputs }) => inputs.length > 0);
}

/** Tensors made up to a call and read after it, by layers or as outputs of the model. */
function crossingTensors(
  model: tf.LayersModel,
  nodes: readonly GraphNode[],
  index: number,
): tf.SymbolicTensor[] {
  const later = new Set([...nodes.slice(index + 1).flatMap(({ inputs }) => inputs), ...model.outputs]);
  const before = [...model.inputs, ...nodes.slice(0, index + 1).flatMap(({ outputs }) => outputs)];
  return before.filter((tensor) => later.has(tensor));
}
