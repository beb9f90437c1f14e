// What a network costs and sees, layer by layer.

import { product } from "@gmr-conv/core";
import { checkModel, GmrConv, graphNodes, SymmetricPooling } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { GroupConv2D, groupElements } from "./groupConv/index.ts";

export interface LayerCost {
  name: string;
  type: string;
  outputShape: (number | null)[];
  /** Trainable numbers: what PyTorch counts as parameters. */
  parameters: number;
  /** Numbers that are not trained: moving statistics of batch normalisation, weights of frozen layers. */
  nonTrainable: number;
  /** Multiply-adds for one image; for ring convolutions those of the ring strategy. */
  multiplyAdds: number;
}

export interface ModelCost {
  layers: LayerCost[];
  /** Trainable numbers: what PyTorch counts as parameters. */
  parameters: number;
  /**
   * Numbers that are not trained: moving statistics of batch normalisation, weights of frozen layers.
   * `model.countParams()` counts both: `parameters + nonTrainable`.
   */
  nonTrainable: number;
  multiplyAdds: number;
  /**
   * Number of input positions along each axis that one position of the last map sees; may exceed the input's size.
   * Undefined for a model without maps.
   */
  receptiveField: number[] | undefined;
}

/**
 * Parameters, multiply-adds and receptive field of a model; unknown input sides count as one.
 *
 * @example
 * const { parameters, nonTrainable } = modelCost(model); // parameters + nonTrainable === model.countParams()
 */
export function modelCost(model: tf.LayersModel): ModelCost {
  const layers = checkModel(model).layers.map(layerCost);
  return {
    layers,
    parameters: sum(layers.map((l) => l.parameters)),
    nonTrainable: sum(layers.map((l) => l.nonTrainable)),
    multiplyAdds: sum(layers.map((l) => l.multiplyAdds)),
    receptiveField: receptiveField(model),
  };
}

function layerCost(layer: tf.layers.Layer): LayerCost {
  return {
    name: layer.name,
    type: layer.getClassName(),
    outputShape: [...single(layer.output).shape],
    parameters: sum(layer.trainableWeights.map((w) => sizeOf(w.shape))),
    nonTrainable: sum(layer.nonTrainableWeights.map((w) => sizeOf(w.shape))),
    multiplyAdds: multiplyAdds(layer),
  };
}

function multiplyAdds(layer: tf.layers.Layer): number {
  const [input, output] = [layer.input, layer.output].map((tensor) => sizesOf(single(tensor)));
  const kernel = layer.weights.find((w) => /(kernel|(ring|white)_weights)$/.test(w.originalName));
  if (!kernel) return 0;
  const weights = sizeOf(kernel.shape);
  // Every weight meets every position: of the output, or of the input for a transposed convolution.
  const transposed = layer.getClassName().endsWith("Transpose");
  const positions = product((transposed ? input : output).slice(0, -1));
  const copies = layer instanceof GroupConv2D ? groupElements(layer.group).length : 1;
  return weights * positions * copies;
}

/** Along each axis: how much of the input a position of a map sees, and how far apart its neighbours' views are. */
interface View {
  size: number[];
  step: number[];
}

function receptiveField(model: tf.LayersModel): number[] | undefined {
  const views = new Map<number, View>();
  const rank = model.inputs[0].shape.length - 2;
  if (rank < 1) return undefined;
  let last: View | undefined;
  for (const { layer, inputs, outputs } of graphNodes(model)) {
    if (outputs[0].shape.length !== rank + 2) continue; // no longer a map
    const given = inputs.flatMap(({ id }) => views.get(id) ?? []);
    const before: View = given.reduce(
      (a, b) => ({ size: larger(a.size, b.size), step: larger(a.step, b.step) }),
      { size: new Array<number>(rank).fill(1), step: new Array<number>(rank).fill(given.length > 0 ? 0 : 1) },
    );
    last = viewThrough(layer, before, inputs, outputs[0]);
    for (const { id } of outputs) views.set(id, last);
  }
  return last?.size;
}

function viewThrough(
  layer: tf.layers.Layer,
  { size, step }: View,
  inputs: readonly tf.SymbolicTensor[],
  output: tf.SymbolicTensor,
): View {
  const config = layer.getConfig();
  const kernel = windowOf(layer);
  const dilation = list(config.dilationRate);
  const at = (values: number[], axis: number) => values[axis] ?? values[0] ?? 1;
  const wider = size.map((n, axis) => n + (at(kernel, axis) - 1) * at(dilation, axis) * step[axis]);
  // Where a map's size changes, so does the distance of its positions.
  const change = step.map((n, axis) => {
    const [from, to] = [inputs[0]?.shape[axis + 1], output.shape[axis + 1]];
    const strides = list(config.strides);
    if (from == null || to == null) return n * at(strides, axis);
    return to > from ? n / Math.round(to / from) : n * Math.max(1, Math.round(from / to));
  });
  return { size: wider.map(Math.ceil), step: change };
}

/** The size of a layer's window; the largest one where it depends on the input. */
function windowOf(layer: tf.layers.Layer): number[] {
  if (layer instanceof GmrConv) return [...layer.partition.kernelSize];
  if (layer instanceof SymmetricPooling) return layer.strides.map((stride) => (stride > 1 ? stride + 1 : 1));
  const { kernelSize, poolSize } = layer.getConfig();
  return list(kernelSize ?? poolSize);
}

function list(value: unknown): number[] {
  return Array.isArray(value) ? value.map(Number) : typeof value === "number" ? [value] : [];
}

const larger = (a: number[], b: number[]): number[] => a.map((n, i) => Math.max(n, b[i] ?? 0));
const single = (tensor: tf.SymbolicTensor | tf.SymbolicTensor[]): tf.SymbolicTensor =>
  Array.isArray(tensor) ? tensor[0] : tensor;
const sizesOf = ({ shape }: tf.SymbolicTensor): number[] => shape.slice(1).map((size) => size ?? 1);
const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const sizeOf = (shape: readonly (number | null)[]): number => product(shape.map((size) => size ?? 1));
