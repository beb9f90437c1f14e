// The graph of a layers model, in execution order.

import * as tf from "@tensorflow/tfjs";

/** One call of a layer in a model. A shared layer has several. */
export interface GraphNode {
  readonly layer: tf.layers.Layer;
  /** Empty for an input of the model. */
  readonly inputs: readonly tf.SymbolicTensor[];
  readonly outputs: readonly tf.SymbolicTensor[];
  /** The call's arguments besides its inputs. */
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** The layer calls that a model's outputs depend on, each after those that provide its inputs. */
export function graphNodes(model: tf.LayersModel): GraphNode[] {
  const sources = new Set(model.inputs.map(({ id }) => id));
  const done = new Set<object>();
  const nodes: GraphNode[] = [];
  // Iterative, since a graph may be deeper than the stack: a node is deferred until its inputs are done.
  const stack = [...model.outputs].reverse();
  for (let tensor = stack.at(-1); tensor; tensor = stack.at(-1)) {
    const call = tensor.sourceLayer.inboundNodes[tensor.nodeIndex];
    const inputs = sources.has(tensor.id) ? [] : call.inputTensors;
    const missing = inputs.filter((input) => !done.has(nodeOf(input)));
    if (done.has(call)) {
      stack.pop();
    } else if (missing.length > 0) {
      stack.push(...missing.reverse());
    } else {
      stack.pop();
      done.add(call);
      nodes.push({
        layer: tensor.sourceLayer,
        inputs,
        outputs: call.outputTensors,
        kwargs: call.callArgs ?? {},
      });
    }
  }
  return nodes;
}

function nodeOf(tensor: tf.SymbolicTensor): object {
  return tensor.sourceLayer.inboundNodes[tensor.nodeIndex];
}

/** How many times each symbolic tensor, by id, is an input of a layer or an output of the model. */
export function countUses(model: tf.LayersModel, nodes: readonly GraphNode[]): Map<number, number> {
  const uses = new Map<number, number>();
  const count = ({ id }: tf.SymbolicTensor) => uses.set(id, (uses.get(id) ?? 0) + 1);
  for (const { inputs } of nodes) inputs.forEach(count);
  model.outputs.forEach(count);
  return uses;
}

/** A model, or a nested one, with its calls. */
export interface Graph {
  readonly model: tf.LayersModel;
  readonly nodes: readonly GraphNode[];
}

/** The graphs of a model and of all nested models, each once. */
export function nestedGraphs(model: tf.LayersModel): Graph[] {
  const models = new Set([model]);
  const graphs: Graph[] = [];
  for (const each of models) {
    const nodes = graphNodes(each);
    graphs.push({ model: each, nodes });
    for (const { layer } of nodes) if (layer instanceof tf.LayersModel) models.add(layer);
  }
  return graphs;
}
