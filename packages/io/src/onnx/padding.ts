// Padding of convolutions and pooling, and padding as separate nodes.

import { ANY_SIZE, describeValue, GmrError, geometryAt, type Pad, type PadMode } from "@gmr-conv/core";
import type { Margins } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { Attributes } from "./encodeModel.ts";
import type { GraphBuilder } from "./graph.ts";

/** A slice's end that means the end of the axis. */
const END = 2 ** 31 - 1;

export interface Window {
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pad: Pad;
  readonly padMode: PadMode;
  /**
   * Whether "same" padding may be negative, as in the 3-D layers of TensorFlow.js: if a stride exceeds the kernel, the
   * first positions are skipped.
   */
  readonly negative: boolean;
}

/**
 * The padding of a convolution or of pooling, or `"auto"` for zeros that only ONNX's `SAME_UPPER` can place, since they
 * depend on unknown sizes.
 * @throws GmrError `unsupported` for other padding that depends on unknown sizes
 */
export function windowPadding(
  layer: tf.layers.Layer,
  window: Window,
  sizes: readonly (number | null)[],
): Margins | "auto" {
  const { strides, dilations, pad, padMode, negative } = window;
  const geometry = geometryAt(
    window,
    sizes.map((size) => size ?? ANY_SIZE),
  );
  if (pad !== "same") return geometry.padding;
  const { extent } = geometry;
  const depends = (axis: number): boolean => strides[axis] > 1 && (negative || extent[axis] > 1);
  if (sizes.some((size, axis) => size === null && depends(axis))) {
    // ONNX Runtime does not support it for dilated kernels, nor for pooling with strides that exceed the pool.
    const usual = strides.every((stride, axis) => stride <= extent[axis] && dilations[axis] === 1);
    if (padMode === "zeros" && usual) return "auto";
    throw new GmrError(
      "unsupported",
      `layer ${layer.name} needs inputs of known size for its padding, got spatial sizes ${describeValue(sizes)}`,
    );
  }
  if (!negative) return geometry.padding;
  return geometry.padding.map(([before, after], axis) => {
    const last = (geometry.outputSize[axis] - 1) * strides[axis] + extent[axis];
    const missing = Math.min(0, last - geometry.inputSize[axis]);
    return [before + Math.floor(missing / 2), after];
  });
}

/** The padding of a node, after applying to its input `x`, [N, C, ...], what the node itself cannot do. */
export function padWindow(
  graph: GraphBuilder,
  x: string,
  margins: Margins | "auto",
  padMode: PadMode = "zeros",
): { x: string; pads: Attributes } {
  if (margins === "auto") return { x, pads: { auto_pad: "SAME_UPPER" } };
  if (padMode !== "zeros") return { x: padBorders(graph, x, margins, padMode), pads: {} };
  const cropped = crop(
    graph,
    x,
    margins.map(([before]) => [Math.max(0, -before), 0]),
  );
  return { x: cropped, pads: padsOf(margins) };
}

/** The attribute `pads`: padding before each axis, then after each axis. */
export function padsOf(margins: Margins): Attributes {
  const pads = beginsAndEnds(margins).map((n) => Math.max(0, n));
  return pads.every((n) => n === 0) ? {} : { pads };
}

function beginsAndEnds(margins: Margins): number[] {
  return [...margins.map(([before]) => before), ...margins.map(([, after]) => after)];
}

/** Pads the spatial axes of `x`, [N, C, ...]. */
export function padBorders(graph: GraphBuilder, x: string, margins: Margins, padMode: PadMode): string {
  if (margins.flat().every((n) => n === 0)) return x;
  if (padMode === "circular") {
    return margins.reduce((y, margin, i) => wrap(graph, y, margin, i + 2), x);
  }
  const mode = { zeros: "constant", reflect: "reflect", replicate: "edge" }[padMode];
  const all: Margins = [[0, 0], [0, 0], ...margins];
  return graph.node("Pad", [x, graph.integers(beginsAndEnds(all))], { mode });
}

/** Wraps an axis around. (Pad does so only from operator set 19.) */
function wrap(
  graph: GraphBuilder,
  x: string,
  [before, after]: readonly [number, number],
  axis: number,
): string {
  const head = before > 0 ? [slice(graph, x, axis, -before, END)] : [];
  const tail = after > 0 ? [slice(graph, x, axis, 0, after)] : [];
  return head.length + tail.length > 0 ? graph.node("Concat", [...head, x, ...tail], { axis }) : x;
}

/** Crops the spatial axes of `x`, [N, C, ...]. */
export function crop(graph: GraphBuilder, x: string, margins: Margins): string {
  return margins.reduce(
    (y, [before, after], i) =>
      before === 0 && after === 0 ? y : slice(graph, y, i + 2, before, after > 0 ? -after : END),
    x,
  );
}

function slice(graph: GraphBuilder, x: string, axis: number, start: number, end: number): string {
  return graph.node("Slice", [x, graph.integers([start]), graph.integers([end]), graph.integers([axis])]);
}
