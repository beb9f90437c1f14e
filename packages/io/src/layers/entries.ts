// Names and layouts of layers' weights in PyTorch's state dictionaries.
//
//   layer                 weight here                                 in PyTorch
//   GMR convolution       ring weights [R, Cin/groups, Cout]          weight [Cout, Cin/groups, R]
//     transposed          ring weights [R, Cout/groups, Cin]          weight [Cin, Cout/groups, R]
//                         log_sigmas [R], bias [Cout]                 the same
//                         ring_masks [R, Πk], if trained              weight_index_mat [1, 1, R, Πk]
//   convolution           kernel [...k, Cin, Cout]                    weight [Cout, Cin, ...k]
//     transposed          kernel [...k, Cout, Cin]                    weight [Cin, Cout, ...k]
//     depthwise           depthwise_kernel [...k, C, M]               weight [C·M, 1, ...k]
//   dense                 kernel [in, out]                            weight [out, in]
//   normalisation         gamma, beta [C]                             weight, bias
//                         moving_mean, moving_variance [C]            running_mean, running_var
//
// The official GMR layers also store what follows from their options: the ring masks (`default_weight_index_mat`, and
// `weight_index_mat` unless it is trained) and, with a mixture, `mus` = 0 … R - 1.

import { describeValue, GmrError, ringMasks } from "@gmr-conv/core";
import { checkModel, GmrConv, isRingWeights } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { StoredTensor } from "../storedTensor.ts";
import { flattenedMap } from "./flattenedMap.ts";

/** A weight. Reshaped to `from`, transposed to `order`, and reshaped to `shape`, it is PyTorch's tensor. */
export interface WeightEntry {
  readonly variable: { readonly shape: tf.Shape; read(): tf.Tensor; write(value: tf.Tensor): unknown };
  readonly from: readonly number[];
  readonly order: readonly number[];
  readonly shape: readonly number[];
}

/** A tensor in PyTorch's dictionaries that follows from the layer's options here, or is only kept for PyTorch. */
export interface FixedEntry {
  readonly tensor: StoredTensor;
  /** Whether the one in a file must be equal. */
  readonly binding: boolean;
  /** Keeps the one in a file. */
  readonly keep?: (tensor: StoredTensor) => void;
}

/** `num_batches_tracked` of layers, as it was loaded. */
const batchesTracked = new WeakMap<tf.layers.Layer, StoredTensor>();

export type Entry = WeightEntry | FixedEntry;

/** PyTorch's names of weights with the same layout. */
const PLAIN: Record<string, string> = {
  bias: "bias",
  log_sigmas: "log_sigmas",
  gamma: "weight",
  beta: "bias",
  moving_mean: "running_mean",
  moving_variance: "running_var",
};

/**
 * The tensors of a model by their names in PyTorch.
 * @throws GmrError `unsupported` for weights that have no counterpart in PyTorch
 */
export function modelEntries(model: tf.LayersModel): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const layer of checkModel(model).layers) {
    if ("layers" in layer) {
      throw new GmrError(
        "unsupported",
        `layer ${layer.name} is itself a model, which has no names in PyTorch`,
      );
    }
    const map = flattenedMap(layer);
    const names = layer.weights.map(({ originalName }) =>
      originalName.slice(originalName.lastIndexOf("/") + 1),
    );
    names.forEach((name, i) => {
      const [key, entry] = weightEntry(layer, name, layer.weights[i], map);
      entries.set(`${layer.name}.${key}`, entry);
    });
    for (const [key, entry] of fixedEntries(layer, names)) entries.set(`${layer.name}.${key}`, entry);
  }
  return entries;
}

function weightEntry(
  layer: tf.layers.Layer,
  name: string,
  variable: tf.LayerVariable,
  map: readonly number[] | undefined,
): [key: string, entry: WeightEntry] {
  const sizes = variable.shape as number[];
  const axes = sizes.map((_, axis) => axis);
  if (layer instanceof GmrConv && isRingWeights(name)) {
    const rings = {
      shape: variable.shape,
      read: () => layer.readRings(),
      write: (weights: tf.Tensor) => layer.writeRings(weights as tf.Tensor3D),
    };
    return ["weight", turned(rings, sizes)];
  }
  if (name === "ring_masks")
    return ["weight_index_mat", { variable, from: sizes, order: axes, shape: [1, 1, ...sizes] }];
  if (name === "kernel") {
    if (!map || sizes.length !== 2) return ["weight", turned(variable, sizes)];
    // A dense layer on a flattened map: PyTorch flattens [C, ...spatial], not [...spatial, C].
    const { from, order } = turned(variable, [...map, sizes[1]]);
    return ["weight", { variable, from, order, shape: [sizes[1], sizes[0]] }];
  }
  if (name === "depthwise_kernel") {
    const [channels, multiplier] = sizes.slice(-2);
    const spatial = axes.slice(0, -2);
    const order = [axes.length - 2, axes.length - 1, ...spatial];
    const shape = [channels * multiplier, 1, ...sizes.slice(0, -2)];
    return ["weight", { variable, from: sizes, order, shape }];
  }
  if (!Object.hasOwn(PLAIN, name)) {
    throw new GmrError(
      "unsupported",
      `weight ${describeValue(name)} of layer ${layer.name} (${layer.getClassName()}) has no counterpart in PyTorch`,
    );
  }
  if (map && name !== "bias") {
    throw new GmrError(
      "unsupported",
      `layer ${layer.name} works on a flattened map of [${map}], which PyTorch flattens in another order`,
    );
  }
  return [PLAIN[name], { variable, from: sizes, order: axes, shape: sizes }];
}

/** [...spatial, a, b] → [b, a, ...spatial]. */
function turned(variable: WeightEntry["variable"], from: readonly number[]): WeightEntry {
  const spatial = from.slice(0, -2).map((_, axis) => axis);
  const order = [from.length - 1, from.length - 2, ...spatial];
  return { variable, from, order, shape: order.map((axis) => from[axis]) };
}

function* fixedEntries(
  layer: tf.layers.Layer,
  weights: string[],
): Iterable<[key: string, entry: FixedEntry]> {
  if (weights.includes("moving_mean")) {
    // Number of steps in the averages. PyTorch uses it only for cumulative averages, and nothing here does.
    const tensor = batchesTracked.get(layer) ?? { shape: [], data: new BigInt64Array(1) };
    const keep = ({ shape, data }: StoredTensor) => {
      batchesTracked.set(layer, { shape: [...shape], data: data.slice() });
    };
    yield ["num_batches_tracked", { tensor, binding: false, keep }];
  }
  if (!(layer instanceof GmrConv)) return;
  const { partition } = layer;
  const shape = [1, 1, partition.numRings, partition.index.length];
  const masks = { shape, data: Float32Array.from(ringMasks(partition)) };
  const trained = weights.includes("ring_masks");
  // The official layers also change the defaults, on the first step that trains the masks.
  yield ["default_weight_index_mat", { tensor: masks, binding: !trained }];
  if (!trained) yield ["weight_index_mat", { tensor: masks, binding: true }];
  if (weights.includes("log_sigmas")) {
    const data = BigInt64Array.from({ length: partition.numRings }, (_, ring) => BigInt(ring));
    yield ["mus", { tensor: { shape: [partition.numRings], data }, binding: true }];
  }
}
