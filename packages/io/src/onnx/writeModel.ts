import {
  type ChannelAffine,
  type FoldableLayer,
  freshName,
  type GraphNode,
  graphNodes,
  normAffine,
  SharedLayers,
  writesItself,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { GraphBuilder, Value } from "./graph.ts";
import { isWritable, writeLayer } from "./writeLayer.ts";

/**
 * Writes the layers of a model, perhaps nested in another; returns its outputs.
 * @param merges from `planMerges`
 * @throws GmrError `unsupported` for a layer that has neither nodes nor a method `foldToStock`
 */
export function writeModel(
  graph: GraphBuilder,
  model: tf.LayersModel,
  inputs: readonly Value[],
  merges: ReadonlyMap<number, GraphNode>,
): Value[] {
  const mergedConvs = new Set([...merges.values()].map(({ layer }) => layer));
  const values = new Map(model.inputs.map(({ id }, i) => [id, inputs[i]]));
  const valueFor = ({ id }: tf.SymbolicTensor): Value => values.get(id)!;
  const write = ({ layer, inputs, outputs }: GraphNode): Value[] => {
    const from = inputs.map(valueFor);
    if (layer instanceof tf.LayersModel) return writeModel(graph, layer, from, merges);
    if (mergedConvs.has(layer)) return from; // written with its norm
    if (!isWritable(layer) && writesItself(layer)) return writeFolded(graph, layer, from);
    const conv = merges.get(outputs[0].id);
    const norm: ChannelAffine | undefined = conv && normAffine(layer);
    const written = conv ? conv.layer : layer;
    graph.owner = written.name;
    return [writeLayer({ graph, layer: written, inputs: from, shape: knownSizes(outputs[0].shape), norm })];
  };
  for (const node of graphNodes(model)) {
    if (values.has(node.outputs[0].id)) continue; // an input of the model
    const results = write(node);
    node.outputs.forEach(({ id }, i) => {
      values.set(id, results[i]);
    });
  }
  return model.outputs.map(valueFor);
}

/** Writes the stock layers that a layer folds to. */
function writeFolded(graph: GraphBuilder, layer: FoldableLayer, inputs: readonly Value[]): Value[] {
  const symbols = inputs.map(({ shape }) => tf.input({ batchShape: [...shape] }));
  const names = new Set<string>();
  const nameFor = (wanted = layer.name): string => {
    const name = freshName(wanted, (candidate) => !names.has(candidate));
    names.add(name);
    return name;
  };
  const output = layer.foldToStock(symbols, nameFor, new SharedLayers());
  const model = tf.model({ inputs: symbols, outputs: output });
  try {
    return writeModel(graph, model, inputs, new Map());
  } finally {
    model.dispose();
  }
}

/** The sizes of a tensor. Layers that crop axes of unknown size report sizes below one. */
export function knownSizes(shape: tf.Shape): (number | null)[] {
  return shape.map((size) => (size != null && size > 0 ? size : null));
}
