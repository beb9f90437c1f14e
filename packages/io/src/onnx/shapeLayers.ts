// Layers that rearrange elements.

import type { Margins } from "@gmr-conv/tfjs";
import { fileAxis, inFileOrder } from "./graph.ts";
import { configOf, type DataFormat, imageInput, type WriteLayer } from "./layerCall.ts";
import { crop, padBorders } from "./padding.ts";

export const shapeLayers: Readonly<Record<string, WriteLayer>> = {
  Flatten({ graph, layer, inputs: [x], shape }) {
    const { dataFormat } = configOf<{ dataFormat?: DataFormat }>(layer);
    const axes = x.shape.map((_, axis) => axis);
    const order = dataFormat === "channelsFirst" ? [0, ...axes.slice(2), 1] : axes;
    const ordered = graph.transpose(
      x.name,
      order.map((axis) => fileAxis(x, axis)),
    );
    return { name: graph.node("Flatten", [ordered], { axis: 1 }), shape, moved: false };
  },

  Reshape({ graph, layer, inputs, shape }) {
    const { targetShape } = configOf<{ targetShape: (number | null)[] }>(layer);
    const target = graph.integers([0, ...targetShape.map((size) => size ?? -1)]);
    return {
      name: graph.node("Reshape", [graph.inOrder(inputs[0], false).name, target]),
      shape,
      moved: false,
    };
  },

  Permute({ graph, layer, inputs: [x], shape }) {
    const { dims } = configOf<{ dims: number[] }>(layer);
    const order = [0, ...dims].map((axis) => fileAxis(x, axis));
    // With the channels second, the file's tensor may already have that order.
    const moved = inFileOrder(order, true).every((from, to) => from === to);
    return { name: moved ? x.name : graph.transpose(x.name, order), shape, moved };
  },

  RepeatVector({ graph, layer, inputs: [x], shape }) {
    const { n } = configOf<{ n: number }>(layer);
    const single = graph.node("Unsqueeze", [x.name, graph.integers([1])]);
    return { name: graph.node("Expand", [single, graph.integers([1, n, 1])]), shape, moved: false };
  },

  ZeroPadding2D(call) {
    const { padding, dataFormat } = configOf<{ padding: Margins; dataFormat: DataFormat }>(call.layer);
    const { name, moved } = imageInput(call, dataFormat);
    return { name: padBorders(call.graph, name, padding, "zeros"), shape: call.shape, moved };
  },

  Cropping2D(call) {
    const { cropping, dataFormat } = configOf<{ cropping: Margins; dataFormat: DataFormat }>(call.layer);
    const { name, moved } = imageInput(call, dataFormat);
    return { name: crop(call.graph, name, cropping), shape: call.shape, moved };
  },

  UpSampling2D(call) {
    const { graph, layer, shape } = call;
    const { size, dataFormat, interpolation } = configOf<{
      size: number[];
      dataFormat: DataFormat;
      interpolation: "nearest" | "bilinear";
    }>(layer);
    const { name, moved } = imageInput(call, dataFormat);
    // In TensorFlow.js, position y of the output comes from y / size.
    const mode =
      interpolation === "nearest" ? { mode: "nearest", nearest_mode: "floor" } : { mode: "linear" };
    const scales = graph.numbers([1, 1, ...size]);
    const resized = graph.node("Resize", [name, "", scales], {
      ...mode,
      coordinate_transformation_mode: "asymmetric",
    });
    return { name: resized, shape, moved };
  },

  Rescaling({ graph, layer, inputs: [x] }) {
    const { scale, offset } = configOf<{ scale: number; offset: number }>(layer);
    const scaled = graph.elementwise("Mul", x, [graph.scalar(scale)]);
    return graph.elementwise("Add", scaled, [graph.scalar(offset)]);
  },
};
