import { fileAxis, type Value } from "./graph.ts";
import {
  configOf,
  type DataFormat,
  imageInput,
  type LayerCall,
  spatialSizes,
  type WriteLayer,
} from "./layerCall.ts";
import { padWindow, windowPadding } from "./padding.ts";

interface PoolConfig {
  poolSize: number[];
  strides: number[];
  padding: "same" | "valid";
  dataFormat?: DataFormat;
}

/** Padding counts in neither the largest number nor the average. */
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
    // By name where that is the same: ONNX Runtime 1.30 puts zeros of a Pad node among explicit pads, which do not count.
    const named = strides.every((stride, axis) => stride <= poolSize[axis])
      ? { auto_pad: "SAME_UPPER" }
      : pads;
    const padded = Object.keys(pads).length > 0 ? named : { auto_pad: "VALID" };
    const name = graph.node(type, [x], { kernel_shape: poolSize, strides, ...padded });
    return { name, shape, moved: image.moved };
  };
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
  GlobalAveragePooling1D: globalPool("ReduceMean"),
  GlobalAveragePooling2D: globalPool("ReduceMean"),
  GlobalMaxPooling1D: globalPool("ReduceMax"),
  GlobalMaxPooling2D: globalPool("ReduceMax"),
};
