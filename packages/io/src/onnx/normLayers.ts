// Normalisation: by fixed statistics per channel, or per example.

import { normAffine, normAxis } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { rectified } from "./activations.ts";
import { fileAxis, float } from "./graph.ts";
import { configOf, type WriteLayer, weightOf } from "./layerCall.ts";

interface NormConfig {
  epsilon: number;
}

/** γ, β, mean, variance; a layer may lack the first two. */
function parameters(layer: tf.layers.Layer): tf.Tensor1D[] {
  const mean = weightOf(layer, "moving_mean") as tf.Tensor1D;
  const gamma = weightOf(layer, "gamma") ?? mean.onesLike();
  const beta = weightOf(layer, "beta") ?? mean.zerosLike();
  return [gamma, beta, mean, weightOf(layer, "moving_variance")!] as tf.Tensor1D[];
}

const batchNormalization: WriteLayer = ({ graph, layer, inputs: [x] }) => {
  const { epsilon } = configOf<NormConfig>(layer);
  const { scale, shift, slope } = normAffine(layer);
  const rank = x.shape.length;
  const axis = fileAxis(x, normAxis(layer, rank) ?? -1);
  let y = x;
  if (axis === 1) {
    const [gamma, beta, mean, variance] = parameters(layer);
    const names = Object.entries({ gamma, beta, mean, variance }).map(([key, tensor]) =>
      graph.weight(layer, key, () => tensor, key === "variance" ? -epsilon : undefined),
    );
    y = graph.elementwise("BatchNormalization", x, names, { epsilon: float(epsilon) });
  } else {
    // The operator only supports the second axis.
    const shape = x.shape.map((_, i) => (i === axis ? scale.size : 1));
    const key = shape.join("x");
    y = graph.elementwise("Mul", y, [graph.weight(layer, `scale_${key}`, () => scale.reshape(shape))]);
    y = graph.elementwise("Add", y, [graph.weight(layer, `shift_${key}`, () => shift.reshape(shape))]);
  }
  return rectified(graph, y, slope);
};

export const normLayers: Readonly<Record<string, WriteLayer>> = {
  BatchNormalization: batchNormalization,
  FusedBatchNormalization: batchNormalization,

  InstanceNormalization({ graph, layer, inputs, shape }) {
    const { epsilon, slope = 1 } = configOf<NormConfig & { slope?: number }>(layer);
    const { name, moved } = graph.inOrder(inputs[0], true);
    const names = ["gamma", "beta"].map((key) => graph.weight(layer, key, () => weightOf(layer, key)!));
    const y = graph.node("InstanceNormalization", [name, ...names], { epsilon: float(epsilon) });
    return rectified(graph, { name: y, shape, moved }, slope);
  },

  LayerNormalization({ graph, layer, inputs: [x] }) {
    const { axis, epsilon } = configOf<{ axis: number | number[]; epsilon: number }>(layer);
    const rank = x.shape.length;
    const axes = [axis].flat().map((a) => (a < 0 ? a + rank : a));
    const sorted = axes.toSorted((a, b) => a - b);
    // The operator normalises over the last axes.
    const kept = x.shape.map((_, i) => i).filter((i) => !sorted.includes(i));
    const order = [...kept, ...sorted].map((a) => fileAxis(x, a));
    const sizes = sorted.map((a) => x.shape[a] as number);
    const gamma = graph.weight(layer, "gamma", () =>
      (weightOf(layer, "gamma") ?? tf.ones(sizes)).reshape(sizes),
    );
    const beta = graph.weight(layer, "beta", () =>
      (weightOf(layer, "beta") ?? tf.zeros(sizes)).reshape(sizes),
    );
    const y = graph.node("LayerNormalization", [graph.transpose(x.name, order), gamma, beta], {
      axis: kept.length,
      epsilon: float(epsilon),
    });
    const back = order.map((_, i) => order.indexOf(i));
    return { ...x, name: graph.transpose(y, back) };
  },
};
