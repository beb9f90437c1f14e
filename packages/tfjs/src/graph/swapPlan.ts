// How each convolution of a model is swapped, see convert.ts.

import type * as tf from "@tensorflow/tfjs";
import { isFoldableConv } from "../layers/foldedConv.ts";
import type { GmrConvArgs } from "../layers/gmrConvArgs.ts";
import { type ConvertOptions, isConvolution, KINDS, type LayerFilter } from "./convertOptions.ts";
import { nestedGraphs } from "./nodes.ts";

/** What is used of the configs of stock convolutions. */
export interface StockConfig {
  kernelSize: number[];
  strides: number[];
  padding: "same" | "valid";
  dataFormat?: string;
  dilationRate?: number[];
  filters: number;
  depthMultiplier?: number;
  activation: NonNullable<GmrConvArgs["activation"]>;
  useBias: boolean;
  kernelRegularizer?: GmrConvArgs["kernelRegularizer"];
  depthwiseRegularizer?: GmrConvArgs["kernelRegularizer"];
  kernelConstraint?: GmrConvArgs["kernelConstraint"];
  biasInitializer: GmrConvArgs["biasInitializer"];
  biasRegularizer: GmrConvArgs["biasRegularizer"];
  biasConstraint: GmrConvArgs["biasConstraint"];
}

/** How a convolution is swapped. */
export interface SwapPlan {
  readonly padding: "same" | "valid";
  readonly kernelSize: readonly number[];
  /** Of the new layer. */
  readonly strides: readonly number[];
  readonly resampling: "none" | "pool alone" | "pool before" | "pool after" | "upsample";
}

/** A plan, or why there is none. */
export function planSwap(
  layer: tf.layers.Layer,
  config: StockConfig,
  { include, exclude, kernelSize: wanted }: ConvertOptions,
): SwapPlan | string {
  const className = layer.getClassName();
  if (isFoldableConv(layer)) return "a GMR convolution already";
  if ((include && !passes(include, layer)) || (exclude && passes(exclude, layer))) return "not wanted";
  const { kernelSize: before, strides, dataFormat } = config;
  if (className === "SeparableConv2D") return "separable";
  if (dataFormat === "channelsFirst") return "channels first";
  const { rank, transposed } = KINDS[className];
  const ones = strides.map(() => 1);
  const strided = strides.some((stride) => stride > 1);
  if (before.includes(1)) {
    const point = strided && !transposed && before.every((size) => size === 1);
    if (!point) return `kernel ${before.join("×")}`;
    return { padding: config.padding, kernelSize: before, strides: ones, resampling: "pool alone" };
  }
  const kernelSize = before.map((size) => wanted ?? size + 1 - (size % 2));
  const padding = wanted === undefined ? config.padding : "same";
  if (!strided) return { padding, kernelSize, strides, resampling: "none" };
  if (!transposed) {
    const resampling = padding === "same" ? "pool before" : "pool after";
    return { padding, kernelSize, strides: ones, resampling };
  }
  const multiplies = padding === "same" || before.every((size, axis) => size <= strides[axis]);
  if (!multiplies) return { padding, kernelSize, strides, resampling: "none" };
  if (rank === 3) return "strides need upsampling, which stock layers lack in 3-D";
  return { padding: "same", kernelSize, strides: ones, resampling: "upsample" };
}

function passes(filter: LayerFilter, layer: tf.layers.Layer): boolean {
  return typeof filter === "function" ? filter(layer) : filter.includes(layer.name);
}

/**
 * Paddings, by the ids of their outputs, that make of the "valid" convolutions behind them what "same" ones are: zeros at one
 * end more than at the other, as "same" puts them where strides divide the side.
 */
export function absorbedPaddings(model: tf.LayersModel, options: ConvertOptions): Set<number> {
  const found = new Set<number>();
  for (const { model: graph, nodes } of nestedGraphs(model)) {
    const given = new Set(graph.outputs.map(({ id }) => id));
    for (const { layer, inputs, outputs } of nodes) {
      const { padding, dataFormat } = layer.getConfig() as {
        padding: [number, number][];
        dataFormat?: string;
      };
      const isUneven =
        layer.getClassName() === "ZeroPadding2D" && padding.some(([before, after]) => before !== after);
      if (!isUneven || dataFormat === "channelsFirst" || given.has(outputs[0].id)) continue;
      const users = nodes.filter((node) => node.inputs.some(({ id }) => id === outputs[0].id));
      const sizes = inputs[0].shape.slice(1, -1);
      const total = padding.map(([before, after]) => before + after);
      const fits = (user: tf.layers.Layer) =>
        nodes.filter((node) => node.layer === user).length === 1 && isSame(user, sizes, total, options);
      if (users.length > 0 && users.every((user) => fits(user.layer))) found.add(outputs[0].id);
    }
  }
  return found;
}

/** Whether a layer is a convolution to be swapped that gives maps of the size that "same" would, behind so many zeros. */
function isSame(
  layer: tf.layers.Layer,
  sizes: readonly (number | null)[],
  zeros: readonly number[],
  options: ConvertOptions,
): boolean {
  if (!isConvolution(layer) || isFoldableConv(layer)) return false;
  const config = layer.getConfig() as unknown as StockConfig;
  const { kernelSize, strides, dilationRate } = config;
  if (config.padding !== "valid" || KINDS[layer.getClassName()].transposed) return false;
  const plan = planSwap(layer, { ...config, padding: "same" }, options);
  if (typeof plan === "string" || plan.resampling === "pool alone") return false;
  return sizes.every((size, axis) => {
    const extent = (dilationRate?.[axis] ?? 1) * (kernelSize[axis] - 1) + 1;
    const stride = strides[axis];
    if (size === null) return zeros[axis] < extent && zeros[axis] >= extent - stride;
    return Math.floor((size + zeros[axis] - extent) / stride) + 1 === Math.ceil(size / stride);
  });
}
