import { GmrError } from "@gmr-conv/core";
import { type ChannelAffine, mergedBias, weightNamed } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { GraphBuilder, Value } from "./graph.ts";

/** One call of a layer, to be written as nodes. */
export interface LayerCall {
  readonly graph: GraphBuilder;
  readonly layer: tf.layers.Layer;
  readonly inputs: readonly Value[];
  /** Shape of the output, in the order of TensorFlow.js. */
  readonly shape: Value["shape"];
  /** The following batch normalisation, to be merged into the layer's weights. */
  readonly norm: ChannelAffine | undefined;
}

/** Writes a layer's nodes; returns its output. */
export type WriteLayer = (call: LayerCall) => Value;

export type DataFormat = "channelsFirst" | "channelsLast";

/** A layer's config, assumed to be that of a stock layer. */
export function configOf<T>(layer: tf.layers.Layer): T {
  return layer.getConfig() as unknown as T;
}

/** A layer's weight by the last part of its name, such as `"kernel"`. */
export function weightOf(layer: tf.layers.Layer, name: string): tf.Tensor | undefined {
  return weightNamed(layer, name)?.read();
}

/** The bias of a layer and the normalisation after it; at least one must exist. */
export function biasOf(bias: tf.Tensor | undefined, norm: ChannelAffine | undefined): tf.Tensor {
  return norm ? mergedBias(bias, norm) : (bias ?? tf.zeros([0]));
}

/**
 * The first input as an image [N, C, ...] in the file. If TensorFlow.js has the channels second, the order is the same.
 */
export function imageInput({ graph, inputs }: LayerCall, dataFormat: DataFormat = "channelsLast"): Value {
  return graph.inOrder(inputs[0], dataFormat === "channelsLast");
}

/** The spatial sizes of an image. */
export function spatialSizes({ shape }: Value, dataFormat: DataFormat = "channelsLast"): (number | null)[] {
  return dataFormat === "channelsLast" ? shape.slice(1, -1) : shape.slice(2);
}

export function unsupportedLayer(layer: tf.layers.Layer, why = "cannot be written in ONNX"): GmrError {
  return new GmrError("unsupported", `layer ${layer.name} of class ${layer.getClassName()} ${why}`);
}
