import { type SymmetricPooling, symmetricWindow } from "@gmr-conv/tfjs";
import { fileAxis, type GraphBuilder, type Value } from "./graph.ts";
import {
  configOf,
  type DataFormat,
  imageInput,
  type LayerCall,
  spatialSizes,
  type WriteLayer,
} from "./layerCall.ts";
import { padWindow, windowPadding } from "./padding.ts";

/** ONNX's type for booleans. */
const BOOL = 9;

interface PoolConfig {
  poolSize: number[];
  strides: number[];
  padding: "same" | "valid";
  dataFormat?: DataFormat;
}

/** Padding is ignored by both maximum and average. */
function pool(type: "MaxPool" | "AveragePool"): WriteLayer {
  return (call) => {
    const { graph, layer, shape } = call;
    const { poolSize, strides, padding, dataFormat } = configOf<PoolConfig>(layer);
    const image = imageInput(call, dataFormat);
    const window = {
      kernelSize: poolSize,
      strides,
      dilations: strides.map(() => 1),
      pad: padding,
      padMode: "zeros",
      negative: poolSize.length === 3,
    } as const;
    const margins = windowPadding(layer, window, spatialSizes(image, dataFormat));
    const { x, pads } = padWindow(graph, image.name, margins);
    // By name where equivalent: ONNX Runtime 1.30 merges the zeros of a Pad node into explicit pads, which are ignored.
    const named = strides.every((stride, axis) => stride <= poolSize[axis])
      ? { auto_pad: "SAME_UPPER" }
      : pads;
    const padded = Object.keys(pads).length > 0 ? named : { auto_pad: "VALID" };
    const name = graph.node(type, [x], { kernel_shape: poolSize, strides, ...padded });
    return { name, shape, moved: image.moved };
  };
}

/**
 * Windows that depend on the sides. Along an unknown side, both windows are applied, which produce the same size, and
 * the result is selected by the side when the file runs.
 */
const symmetricPool: WriteLayer = (call) => {
  const { graph, shape } = call;
  const { pooling, strides } = call.layer as SymmetricPooling;
  const image = imageInput(call);
  const sides = spatialSizes(image);
  const type = pooling === "max" ? "MaxPool" : "AveragePool";
  const pool = (x: string, windows: readonly number[], steps: readonly number[]): string =>
    graph.node(type, [x], { kernel_shape: windows, strides: steps, auto_pad: "SAME_UPPER" });
  const ones = strides.map(() => 1);
  const known = strides.map((stride, i) => (sides[i] === null ? 1 : stride));
  const windows = known.map((stride, i) => symmetricWindow(sides[i] ?? 0, stride));
  let x = known.some((stride) => stride > 1) ? pool(image.name, windows, known) : image.name;
  strides.forEach((stride, i) => {
    if (sides[i] !== null || stride === 1) return;
    const [small, large] = [stride, stride + 1].map((window) =>
      pool(x, ones.with(i, window), ones.with(i, stride)),
    );
    x = graph.node("Where", [isLarge(graph, x, i + 2, stride), large, small]);
  });
  return { name: x, shape, moved: image.moved };
};

/** A boolean tensor: whether an axis needs a window larger than the stride. */
function isLarge(graph: GraphBuilder, x: string, axis: number, stride: number): string {
  const side = graph.node("Gather", [graph.node("Shape", [x]), graph.integers([axis])]);
  const rest = graph.node("Mod", [side, graph.integers([stride])]);
  const table = Array.from({ length: stride }, (_, i) => symmetricWindow(i, stride) - stride);
  return graph.node("Cast", [graph.node("Gather", [graph.integers(table), rest])], { to: BOOL });
}

function globalPool(type: "ReduceMax" | "ReduceMean"): WriteLayer {
  return ({ graph, layer, inputs: [x], shape }: LayerCall): Value => {
    const { dataFormat } = configOf<{ dataFormat?: DataFormat }>(layer);
    const first = dataFormat === "channelsFirst" ? 2 : 1;
    const axes = x.shape.slice(2).map((_, i) => fileAxis(x, first + i));
    return { name: graph.node(type, [x.name], { axes, keepdims: 0 }), shape, moved: false };
  };
}

export const poolingLayers: Readonly<Record<string, WriteLayer>> = {
  MaxPooling1D: pool("MaxPool"),
  MaxPooling2D: pool("MaxPool"),
  MaxPooling3D: pool("MaxPool"),
  AveragePooling1D: pool("AveragePool"),
  AveragePooling2D: pool("AveragePool"),
  AveragePooling3D: pool("AveragePool"),
  SymmetricPooling: symmetricPool,
  GlobalAveragePooling1D: globalPool("ReduceMean"),
  GlobalAveragePooling2D: globalPool("ReduceMean"),
  GlobalMaxPooling1D: globalPool("ReduceMax"),
  GlobalMaxPooling2D: globalPool("ReduceMax"),
};
