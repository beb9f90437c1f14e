// Rebuilds a model call by call, with some layers replaced.

import { describeValue, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkOwnModel } from "../copies.ts";
import { applyLayer, cloneLayer, copyWeights } from "./cloneLayer.ts";
import { type GraphNode, graphNodes } from "./nodes.ts";

/**
 * Makes a layer name unique in the rebuilt model: the requested one, or with a number appended. Without an argument:
 * the name of the layer being replaced.
 */
export type UniqueName = (wanted?: string) => string;

/**
 * The replacement for a call in the rebuilt model, given the new inputs; undefined keeps the layer. Returning `inputs`
 * removes the layer.
 */
export type Replace = (
  node: GraphNode,
  inputs: readonly tf.SymbolicTensor[],
  name: UniqueName,
) => readonly tf.SymbolicTensor[] | undefined;

/**
 * Rebuilds a model's graph as a functional model. Layers are replaced where `replace` says so, and otherwise cloned:
 * class, config, name, weights, and which of them are trained. Nested models are rebuilt in the same way; what is
 * shared stays shared. The result owns its weights. It is not compiled.
 *
 * @throws GmrError `invalid-shape` if a layer does not fit the outputs of replaced ones
 */
export function rebuildModel(model: tf.LayersModel, replace: Replace = () => undefined): tf.LayersModel {
  checkOwnModel(model);
  const rebuilt = keepingNothingOnError(() => new Rebuilder(replace).rebuild(model));
  const metadata = model.getUserDefinedMetadata();
  if (metadata) rebuilt.setUserDefinedMetadata({ ...metadata });
  return rebuilt;
}

/** Runs an action that creates variables; if it fails, they are disposed of. */
function keepingNothingOnError<T>(action: () => T): T {
  const { registeredVariables } = tf.engine().state;
  const before = new Set(Object.values(registeredVariables));
  try {
    return action();
  } catch (error) {
    for (const variable of Object.values(registeredVariables)) if (!before.has(variable)) variable.dispose();
    throw error;
  }
}

class Rebuilder {
  private readonly replace: Replace;
  private readonly clones = new Map<tf.layers.Layer, tf.layers.Layer>();

  constructor(replace: Replace) {
    this.replace = replace;
  }

  rebuild(model: tf.LayersModel): tf.LayersModel {
    const nodes = graphNodes(model);
    const names = new LayerNames([...model.inputs.map(({ sourceLayer }) => sourceLayer), ...layersOf(nodes)]);
    const made = new Map<number, tf.SymbolicTensor>();
    const inputs = model.inputs.map(({ id, shape, dtype, sourceLayer }) => {
      const input = tf.input({ batchShape: shape, dtype, name: sourceLayer.name });
      made.set(id, input);
      return input;
    });
    for (const node of nodes) {
      if (node.outputs.every(({ id }) => made.has(id))) continue; // an input of the model
      const from = node.inputs.map((input) => made.get(input.id)!);
      const name = (wanted = node.layer.name) => names.unique(wanted, node.layer.name);
      const outputs = this.replace(node, from, name) ?? this.keep(node, from);
      node.outputs.forEach(({ id }, i) => {
        made.set(id, outputs[i]);
      });
    }
    const outputs = model.outputs.map(({ id }) => made.get(id)!);
    const rebuilt = tf.model({ inputs, outputs, name: model.name });
    if (!model.trainable) rebuilt.trainable = false;
    return rebuilt;
  }

  private keep(node: GraphNode, inputs: readonly tf.SymbolicTensor[]): tf.SymbolicTensor[] {
    const { layer } = node;
    const known = this.clones.get(layer);
    const isModel = layer instanceof tf.LayersModel;
    const clone = known ?? (isModel ? this.rebuild(layer) : cloneLayer(layer));
    // Tensors among the arguments, such as initial states, are inputs of the call too.
    const kwargs = Object.fromEntries(Object.entries(node.kwargs).filter(([, value]) => !isSymbolic(value)));
    const misfit = (cause?: unknown): GmrError => {
      const shapes = describeValue(inputs.map(({ shape }) => shape));
      return new GmrError("invalid-shape", `layer ${layer.name} does not fit its new inputs ${shapes}`, {
        cause,
      });
    };
    // Models accept inputs of any shape, and fail only when they run.
    if (isModel && inputs.some(({ shape }, i) => shape.join() !== node.inputs[i].shape.join()))
      throw misfit();
    let outputs: tf.SymbolicTensor[];
    try {
      outputs = applyLayer(clone, inputs, kwargs);
    } catch (cause) {
      throw misfit(cause);
    }
    if (!known) {
      if (!isModel) copyWeights(layer, clone);
      this.clones.set(layer, clone);
    }
    return outputs;
  }
}

function isSymbolic(value: unknown): boolean {
  return value instanceof tf.SymbolicTensor || (Array.isArray(value) && value.some(isSymbolic));
}

function layersOf(nodes: readonly GraphNode[]): tf.layers.Layer[] {
  return nodes.map(({ layer }) => layer);
}

/** The requested name, or the first free one with a number appended. */
export function freshName(wanted: string, free: (name: string) => boolean): string {
  let name = wanted;
  for (let i = 1; !free(name); i++) name = `${wanted}_${i}`;
  return name;
}

/** The names in one model, which must be unique. A layer's name is reserved for it, or for its replacement. */
class LayerNames {
  private readonly reserved: Set<string>;
  private readonly used = new Set<string>();

  constructor(layers: readonly tf.layers.Layer[]) {
    this.reserved = new Set(layers.map(({ name }) => name));
  }

  unique(wanted: string, own: string): string {
    const free = (name: string) => !this.used.has(name) && (name === own || !this.reserved.has(name));
    const name = freshName(wanted, free);
    this.used.add(name);
    return name;
  }
}
