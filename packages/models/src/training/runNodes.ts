// The forward pass of training, layer by layer.

import { GmrError } from "@gmr-conv/core";
import { type GraphNode, graphNodes, nestedGraphs } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";

/** Tensors by the symbolic tensor that they stand for. */
export type Values = Map<tf.SymbolicTensor, tf.Tensor>;

/**
 * Runs layers in training mode. What they make is freed after the last of them that reads it: kernels keep what their
 * gradients need, and a pass of the whole model would free the rest only at its end.
 * @param values of what they read, which stay
 * @returns the wanted tensors
 */
export function runNodes(
  nodes: readonly GraphNode[],
  values: Readonly<Values>,
  wanted: readonly tf.SymbolicTensor[],
): tf.Tensor[] {
  const all: Values = new Map(values);
  const lastReader = new Map(nodes.flatMap((node) => node.inputs.map((input) => [input, node])));
  for (const node of nodes) {
    const { layer, inputs, outputs, kwargs } = node;
    const from = inputs.map((input) => all.get(input)!);
    const made = layer.apply(from.length === 1 ? from[0] : from, { ...kwargs, training: true });
    const list = [made as tf.Tensor | tf.Tensor[]].flat();
    outputs.forEach((output, i) => {
      all.set(output, list[i]);
    });
    if (list.some(({ kerasMask }) => kerasMask)) {
      throw new GmrError(
        "unsupported",
        `layer ${layer.name} makes a mask, which layers that are run one by one do not support`,
      );
    }
    for (const input of new Set(inputs)) {
      if (values.has(input) || wanted.includes(input) || lastReader.get(input) !== node) continue;
      const tensor = all.get(input)!;
      all.delete(input);
      if (![...all.values()].includes(tensor)) tensor.dispose();
    }
  }
  return wanted.map((tensor) => all.get(tensor)!);
}

/**
 * A model's outputs in training mode, as from `model.apply(x, { training: true })`, with less memory: what no gradient
 * needs is freed on the way. Models that mask steps of sequences are run as a whole.
 */
export function trainingOutputs(model: tf.LayersModel, x: tf.Tensor): tf.Tensor[] {
  const masks = nestedGraphs(model).some(({ nodes }) =>
    nodes.some(({ layer }) => layer.getClassName() === "Masking" || layer.getConfig().maskZero === true),
  );
  if (masks) return [model.apply(x, { training: true }) as tf.Tensor | tf.Tensor[]].flat();
  const nodes = graphNodes(model).filter(({ inputs }) => inputs.length > 0);
  return runNodes(nodes, new Map([[model.inputs[0], x]]), model.outputs);
}
