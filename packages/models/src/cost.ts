// What a network costs, layer by layer, from the cost model of the core.

import { convCost, type Pad } from "@gmr-conv/core";
import { GmrConv2D } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";

export interface LayerCost {
  name: string;
  type: string;
  outputShape: (number | null)[];
  parameters: number;
  /** Multiply-adds for one image; for ring convolutions those of the ring strategy. */
  multiplyAdds: number;
}

export interface ModelCost {
  layers: LayerCost[];
  /** Trainable parameters. */
  parameters: number;
  multiplyAdds: number;
}

/** Parameters and multiply-adds of a model whose input sides are known. */
export function modelCost(model: tf.LayersModel): ModelCost {
  const layers = model.layers.map(layerCost);
  return {
    layers,
    parameters: sum(layers.map((l) => l.parameters)),
    multiplyAdds: sum(layers.map((l) => l.multiplyAdds)),
  };
}

function layerCost(layer: tf.layers.Layer): LayerCost {
  return {
    name: layer.name,
    type: layer.getClassName(),
    outputShape: (Array.isArray(layer.outputShape[0]) ? layer.outputShape[0] : layer.outputShape) as number[],
    parameters: sum(layer.trainableWeights.map((w) => product(w.shape))),
    multiplyAdds: multiplyAdds(layer),
  };
}

function multiplyAdds(layer: tf.layers.Layer): number {
  const input = imageShape(layer.input);
  const output = imageShape(layer.output);
  if (layer instanceof GmrConv2D) {
    const config = layer.getConfig();
    return convCost({
      inputSize: input.slice(0, 2),
      inChannels: input[2],
      outChannels: layer.filters,
      kernelSize: layer.partition.kernelSize,
      numRings: layer.partition.numRings,
      circular: layer.partition.circular,
      strides: config.strides as number[],
      dilations: config.dilationRate as number[],
      pad: config.padding as Pad,
      groups: config.groups as number,
    }).multiplyAdds.ring;
  }
  const kernel = layer.weights.find((w) => w.originalName.endsWith("kernel"));
  if (!kernel) return 0;
  const weights = product(kernel.shape);
  return layer.getClassName() === "Conv2D" ? weights * output[0] * output[1] : weights;
}

function imageShape(tensor: tf.SymbolicTensor | tf.SymbolicTensor[]): number[] {
  const one = Array.isArray(tensor) ? tensor[0] : tensor;
  return one.shape.slice(1).map((size) => size ?? 1);
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const product = (shape: readonly (number | null)[]): number =>
  shape.reduce<number>((a, b) => a * (b ?? 1), 1);
