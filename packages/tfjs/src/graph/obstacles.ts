// What keeps a model from being invariant to turns by 90° and mirror images, as far as its layers tell.

import * as tf from "@tensorflow/tfjs";
import { asymmetriesOf } from "../equivariance/asymmetries.ts";
import { isFoldableConv } from "../layers/foldedConv.ts";
import { nestedGraphs } from "./nodes.ts";

/** A layer of a model that does not turn with its input, or treats positions differently. */
export interface Obstacle {
  /** The layer's name. */
  readonly layer: string;
  readonly className: string;
  readonly reason: string;
}

/** The layer config entries used here. */
interface Config {
  kernelSize?: number | number[];
  strides?: number | number[];
  padding?: unknown;
  cropping?: unknown;
  trainMasks?: boolean;
}

type Shape = readonly (number | null)[];

/** Layers that depend on the order of positions. */
const ORDERED = new Set(["SimpleRNN", "LSTM", "GRU", "RNN", "StackedRNNCells", "Bidirectional"]);
/** Layers that move positions. */
const MOVING = new Set(["Flatten", "Reshape", "Permute"]);

/**
 * The layers, including those of nested models and wrappers, that keep a model from giving the same output for turned
 * and mirrored images. An empty list is no proof: custom layers may do anything, and strides on sides of unknown size
 * are not judged.
 */
export function invarianceObstacles(model: tf.LayersModel): Obstacle[] {
  const found = new Map<tf.layers.Layer, Obstacle>();
  for (const { nodes } of nestedGraphs(model)) {
    for (const { layer, inputs } of nodes) {
      const reason = inputs.length > 0 ? whyNotInvariant(layer, inputs[0].shape) : undefined;
      if (reason === undefined || found.has(layer)) continue;
      found.set(layer, { layer: layer.name, className: layer.getClassName(), reason });
    }
  }
  return [...found.values(), ...strideObstacles(model)];
}

function strideObstacles(model: tf.LayersModel): Obstacle[] {
  const [input] = model.inputs;
  const shape = input.shape.map((size, axis) => (axis === 0 ? 1 : size));
  if (model.inputs.length > 1 || shape.length < 3 || shape.includes(null)) return [];
  const layers = nestedGraphs(model).flatMap(({ nodes }) => nodes.map((node) => node.layer));
  return asymmetriesOf(model, shape as number[]).map(({ layer, inputSize, strides }) => ({
    layer,
    className: layers.find(({ name }) => name === layer)?.getClassName() ?? "",
    reason: `strides ${strides.join("×")} are asymmetric on maps of ${inputSize.join("×")}`,
  }));
}

function whyNotInvariant(layer: tf.layers.Layer, inputShape: Shape): string | undefined {
  const className = layer.getClassName();
  const config = layer.getConfig() as Config;
  if (isFoldableConv(layer)) return config.trainMasks ? "trained masks need not stay symmetric" : undefined;
  const inner = innerLayer(layer);
  if (ORDERED.has(className)) return "depends on the order of positions";
  if (inner) {
    const reason = whyNotInvariant(inner, inputShape.slice(1));
    return reason && `the ${inner.getClassName()} inside: ${reason}`;
  }
  if (/^(Depthwise|Separable)?Conv/.test(className)) return ofKernel(config);
  if (isUneven(config.padding) || isUneven(config.cropping)) return "pads or crops its sides unequally";
  const spatial = inputShape.slice(1, -1);
  if (MOVING.has(className) && spatial.some((size) => size !== 1)) return "treats positions differently";
  return undefined;
}

function ofKernel({ kernelSize = 1, strides = 1 }: Config): string | undefined {
  const size = [kernelSize].flat();
  if (size.some((length) => length > 1)) return `its ${size.join("×")} kernel is dense, not made of rings`;
  return [strides].flat().some((stride) => stride > 1) ? "its strides skip positions" : undefined;
}

/** Whether a pair of numbers for any axis is unequal. */
function isUneven(pairs: unknown): boolean {
  if (!Array.isArray(pairs)) return false;
  if (pairs.every((entry) => typeof entry === "number")) return pairs.length === 2 && pairs[0] !== pairs[1];
  return pairs.some(isUneven);
}

/** The layer in a wrapper. */
export function innerLayer(layer: tf.layers.Layer): tf.layers.Layer | undefined {
  const { layer: inner } = layer as { layer?: unknown };
  return inner instanceof tf.layers.Layer ? inner : undefined;
}
