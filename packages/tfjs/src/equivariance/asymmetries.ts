// Layers whose windows lie asymmetrically in their input, so that their output does not turn and mirror with it.

import {
  type ConvGeometry,
  type ConvGeometryOptions,
  convGeometry,
  GmrError,
  nearestSymmetricSizes,
  type Pad,
  type PerAxis,
  symmetricAxes,
} from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { graphNodes } from "../graph/nodes.ts";
import type { EquivarianceTarget } from "./target.ts";

/** A strided layer on a map whose size breaks its symmetry. */
export interface Asymmetry {
  layer: string;
  /** Spatial sizes of its input. */
  inputSize: number[];
  strides: number[];
  /** For each axis with asymmetric windows, the nearest sizes that make them symmetric; may be empty. */
  better: { axis: number; sizes: number[] }[];
}

type Shape = readonly (number | null)[];

/** The asymmetries of a model or layer for inputs of shape [N, ...spatial, C]; nothing is known of functions. */
export function asymmetriesOf(target: EquivarianceTarget, inputShape: readonly number[]): Asymmetry[] {
  if (target instanceof tf.LayersModel) return ofModel(target, [inputShape]).found;
  return target instanceof tf.layers.Layer ? ofLayer(target, inputShape) : [];
}

function ofModel(model: tf.LayersModel, inputs: readonly Shape[]): { found: Asymmetry[]; outputs: Shape[] } {
  const shapes = new Map<number, Shape>(model.inputs.map(({ id }, i) => [id, inputs[i]]));
  const found: Asymmetry[] = [];
  for (const { layer, inputs: from, outputs } of graphNodes(model)) {
    if (outputs.every(({ id }) => shapes.has(id))) continue;
    const given = from.map(({ id }) => shapes.get(id)!);
    let made: Shape[];
    if (layer instanceof tf.LayersModel) {
      const inner = ofModel(layer, given);
      found.push(...inner.found);
      if (inner.outputs.length === 0) return { found, outputs: [] };
      made = inner.outputs;
    } else {
      found.push(...ofLayer(layer, given[0]));
      let shape: tf.Shape | tf.Shape[];
      try {
        shape = layer.computeOutputShape((given.length === 1 ? given[0] : given) as tf.Shape);
      } catch {
        return { found, outputs: [] }; // a third-party layer that predicts no shapes: report what was found
      }
      made = (Array.isArray(shape[0]) ? shape : [shape]) as Shape[];
    }
    outputs.forEach(({ id }, i) => {
      shapes.set(id, made[i]);
    });
  }
  return { found, outputs: model.outputs.map(({ id }) => shapes.get(id)!) };
}

/** The config entries of convolutions and pooling used here. */
interface WindowConfig {
  kernelSize?: PerAxis;
  poolSize?: PerAxis;
  strides?: PerAxis;
  padding?: Pad;
  dilationRate?: PerAxis;
  outputPadding?: PerAxis;
  dataFormat?: string;
}

function ofLayer(layer: tf.layers.Layer, shape: Shape): Asymmetry[] {
  const config = layer.getConfig() as WindowConfig;
  const kernelSize = config.kernelSize ?? config.poolSize;
  const inputSize = (config.dataFormat === "channelsFirst" ? shape.slice(2) : shape.slice(1, -1)) as number[];
  if (kernelSize === undefined || inputSize.length === 0) return [];
  const { strides = 1, padding = "valid", dilationRate = 1, outputPadding = 0 } = config;
  const transposed = layer.getClassName().endsWith("Transpose");
  const options: ConvGeometryOptions = {
    inputSize,
    kernelSize,
    strides,
    pad: padding,
    dilations: dilationRate,
    transposed,
    ...(transposed && { outputPadding }),
  };
  const geometry = geometryOf(options);
  if (!geometry) return [];
  const better = symmetricAxes(geometry).flatMap((symmetric, axis) =>
    symmetric ? [] : [{ axis, sizes: nearestSymmetricSizes(options, axis) }],
  );
  if (better.length === 0) return [];
  return [{ layer: layer.name, inputSize, strides: [...geometry.strides], better }];
}

/** Undefined if a third-party layer predicted a shape that it does not produce. */
function geometryOf(options: ConvGeometryOptions): ConvGeometry | undefined {
  try {
    return convGeometry(options);
  } catch (error) {
    if (error instanceof GmrError) return undefined;
    throw error;
  }
}
