// Convolutions: GMR layers folded into ordinary ones, and the stock layers.

import { ANY_SIZE, geometryAt } from "@gmr-conv/core";
import type { ChannelAffine, FoldedConv, FoldedRings } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { finish } from "./activations.ts";
import type { Attributes } from "./encodeModel.ts";
import type { Value } from "./graph.ts";
import {
  biasOf,
  configOf,
  type DataFormat,
  imageInput,
  type LayerCall,
  spatialSizes,
  unsupportedLayer,
  type WriteLayer,
  weightOf,
} from "./layerCall.ts";
import { padsOf, padWindow, windowPadding } from "./padding.ts";

/** The convolution of a stock layer in the form of a folded one. */
interface Conv extends FoldedConv {
  readonly dataFormat: DataFormat;
  /** See `Window`. */
  readonly negative: boolean;
}

interface StockConvConfig {
  kernelSize: number[];
  strides: number[];
  padding: "same" | "valid" | "causal";
  dilationRate?: number[];
  dataFormat?: DataFormat;
  activation: string;
}

/** Writes a GMR convolution, given as an ordinary one. */
export function writeFoldedConv(call: LayerCall, conv: FoldedConv): Value {
  return writeConv(call, { ...conv, dataFormat: "channelsLast", negative: false });
}

export const convLayers: Readonly<Record<string, WriteLayer>> = {
  Conv1D: writeStockConv,
  Conv2D: writeStockConv,
  Conv3D: writeStockConv,
  Conv2DTranspose: writeStockConv,
  Conv3DTranspose: writeStockConv,

  DepthwiseConv2D(call) {
    // The stock layer accepts dilations, but ignores them.
    const conv = { ...stockConv(call.layer), dilations: [1, 1] };
    return writeConv(call, depthwise(conv, weightOf(call.layer, "depthwise_kernel")!));
  },

  SeparableConv2D(call) {
    const conv = stockConv(call.layer);
    const first = depthwise(conv, weightOf(call.layer, "depthwise_kernel")!);
    const spread = writeConv(
      { ...call, norm: undefined },
      { ...first, bias: undefined, activation: "linear" },
      "depthwise_kernel",
    );
    const pointwise = weightOf(call.layer, "pointwise_kernel")!;
    const ones = [1, 1];
    return writeConv(
      { ...call, inputs: [spread] },
      { ...conv, kernel: pointwise, kernelSize: ones, strides: ones, dilations: ones, pad: "valid" },
      "pointwise_kernel",
    );
  },
};

function writeStockConv(call: LayerCall): Value {
  return writeConv(call, { ...stockConv(call.layer), kernel: stockKernel(call.layer) });
}

/** Everything but the kernel. */
function stockConv(layer: tf.layers.Layer): Omit<Conv, "kernel"> {
  const config = configOf<StockConvConfig>(layer);
  const { kernelSize, strides, padding } = config;
  const className = layer.getClassName();
  // The config of Conv1D does not have it.
  const dataFormat = (layer as { dataFormat?: DataFormat }).dataFormat ?? "channelsLast";
  if (padding === "causal")
    throw unsupportedLayer(layer, `has padding "causal", which TensorFlow.js does not support`);
  if (dataFormat === "channelsFirst" && /^(Conv1D|SeparableConv2D)$/.test(className)) {
    throw unsupportedLayer(layer, "has channels first, which TensorFlow.js does not support");
  }
  const transposed = className.endsWith("Transpose");
  const rank = kernelSize.length as Conv["rank"];
  return {
    rank,
    transposed,
    bias: weightOf(layer, "bias") as tf.Tensor1D | undefined,
    kernelSize: transposed ? stockKernel(layer).shape.slice(0, rank) : kernelSize,
    strides,
    pad: padding,
    padMode: "zeros",
    dilations: config.dilationRate ?? strides.map(() => 1),
    groups: 1,
    // Stock layers treat a kernel shorter than the stride as one stride long.
    outputPadding: strides.map((stride, axis) =>
      transposed && padding === "valid" ? Math.max(0, stride - kernelSize[axis]) : 0,
    ),
    activation: config.activation,
    dataFormat,
    negative: rank === 3,
  };
}

function stockKernel(layer: tf.layers.Layer): tf.Tensor {
  const kernel = weightOf(layer, "kernel")!;
  const { strides, padding } = configOf<StockConvConfig>(layer);
  if (layer.getClassName() !== "Conv3DTranspose" || padding !== "same") return kernel;
  // The transposed counterpart of negative padding: zeros before the kernel.
  const zeros = strides.map((stride, axis) => Math.ceil(Math.max(0, stride - kernel.shape[axis]) / 2));
  return kernel.pad([...zeros.map((n): [number, number] => [n, 0]), [0, 0], [0, 0]]);
}

/** [...k, Cin, multiplier] → one group for each input channel */
function depthwise(conv: Omit<Conv, "kernel">, kernel: tf.Tensor): Conv {
  const [height, width, channels, multiplier] = kernel.shape;
  return { ...conv, groups: channels, kernel: kernel.reshape([height, width, 1, channels * multiplier]) };
}

/** @param key distinguishes the kernels of one layer */
function writeConv(call: LayerCall, conv: Conv, key = "kernel"): Value {
  const { graph, layer, norm, shape } = call;
  const { rank, dataFormat, strides, dilations, groups } = conv;
  const image = imageInput(call, dataFormat);
  const sizes = spatialSizes(image, dataFormat);
  const { x, pads, zeros } = conv.transposed
    ? transposedPadding(conv, image.name)
    : {
        ...padWindow(graph, image.name, windowPadding(layer, conv, sizes), conv.padMode),
        zeros: sizes.map(() => 0),
      };
  const rings = graph.rings !== "fold" && zeros.every((n) => n === 0) ? conv.rings : undefined;
  const bias = () => (conv.bias || norm ? [graph.weight(layer, "bias", () => biasOf(conv.bias, norm))] : []);
  const window: Attributes = {
    kernel_shape: conv.kernelSize.map((size, axis) => size + zeros[axis]),
    strides,
    dilations,
    ...pads,
  };
  let name: string;
  if (rings && graph.rings === "sums" && !conv.transposed) {
    name = ringSums(call, conv, rings, x, window, bias);
  } else {
    const kernel = rings
      ? foldedInGraph(call, conv, rings)
      : graph.weight(layer, key, () => {
          const scaled = norm ? scaleKernel(conv, norm) : conv.kernel;
          const extended = zeros.some((n) => n > 0)
            ? scaled.pad([...zeros, 0, 0].map((n) => [0, n]))
            : scaled;
          // [...k, I, O] → [O, I, ...k]; with three axes, since backends are slow with more
          const [inner, outer] = extended.shape.slice(rank);
          const matrices = extended.reshape<tf.Tensor3D>([-1, inner, outer]);
          return matrices.transpose([2, 1, 0]).reshape([outer, inner, ...extended.shape.slice(0, rank)]);
        });
    const type = conv.transposed ? "ConvTranspose" : "Conv";
    name = graph.node(type, [x, kernel, ...bias()], { ...window, group: groups });
  }
  return finish(call, { name, shape, moved: image.moved }, conv.activation);
}

/**
 * A kernel that the file gathers from its rings: each position picks its ring, or zeros, from a table. Runtimes do so
 * once, when they load the file.
 */
function foldedInGraph(call: LayerCall, conv: Conv, rings: FoldedRings): string {
  const { graph } = call;
  const end = rings.index.includes(-1) ? 1 : 0;
  const { name, shape } = ringTable(call, conv, rings, end);
  const [outer, inner, columns] = shape;
  const positions = graph.integers(Array.from(rings.index, (ring) => (ring < 0 ? columns - 1 : ring)));
  const kernel = graph.node("Gather", [name, positions], { axis: 2 });
  return graph.node("Reshape", [kernel, graph.integers([outer, inner, ...conv.kernelSize])]);
}

/** Sums each input channel over each ring by 0/1 masks, then multiplies by the matrix of ring weights. */
function ringSums(
  call: LayerCall,
  conv: Conv,
  rings: FoldedRings,
  x: string,
  window: Attributes,
  bias: () => string[],
): string {
  const { graph } = call;
  const { groups, kernelSize } = conv;
  const { name, shape } = ringTable(call, conv, rings, 0);
  const [outer, inner, numRings] = shape;
  const channels = inner * groups;
  const ones = kernelSize.map(() => 1);
  const masks = graph.node("Tile", [
    graph.ringMasks(numRings, kernelSize, rings.index),
    graph.integers([channels, 1, ...ones]),
  ]);
  const sums = graph.node("Conv", [x, masks], { ...window, group: channels });
  const matrix = graph.node("Reshape", [name, graph.integers([outer, inner * numRings, ...ones])]);
  return graph.node("Conv", [sums, matrix, ...bias()], { kernel_shape: ones, group: groups });
}

/** Ring weights [O, I, R], followed by `zeros` columns of zeros. */
function ringTable(
  { graph, layer, norm }: LayerCall,
  conv: Conv,
  rings: FoldedRings,
  zeros: number,
): { name: string; shape: [outer: number, inner: number, columns: number] } {
  const weights = rings.weights();
  const [numRings, inner, outer] = weights.shape;
  const name = graph.weight(layer, "rings", () => {
    const scaled = norm ? scaleKernel({ ...conv, kernel: weights }, norm) : weights;
    return scaled
      .pad([
        [0, zeros],
        [0, 0],
        [0, 0],
      ])
      .transpose([2, 1, 0]);
  });
  return { name, shape: [outer, inner, numRings + zeros] };
}

/**
 * Cropping and padding of a transposed convolution's output; independent of the sizes. Runtimes can add less than a
 * stride; zeros at the end of the kernel can add up to a dilation.
 */
function transposedPadding(conv: Conv, x: string): { x: string; pads: Attributes; zeros: readonly number[] } {
  const { strides, dilations } = conv;
  const { padding } = geometryAt(
    conv,
    strides.map(() => ANY_SIZE),
  );
  const zeros = padding.map(([, after], axis) => (-after >= strides[axis] ? 1 : 0));
  const margins = padding.map(
    ([before, after], axis) => [before, after + zeros[axis] * dilations[axis]] as const,
  );
  const added = margins.map(([, after]) => Math.max(0, -after));
  const output_padding = added.some((n) => n > 0) ? { output_padding: added } : {};
  return { x, pads: { ...padsOf(margins), ...output_padding }, zeros };
}

/** A kernel with scaled output channels. */
function scaleKernel({ kernel, groups, transposed }: FoldedConv, { scale }: ChannelAffine): tf.Tensor {
  if (!transposed) return kernel.mul(scale);
  // [Cout/groups, Cin]: input channel c and the j-th output channel of its group
  const [outer, channels] = kernel.shape.slice(-2);
  const scales = scale.reshape([groups, outer, 1]).tile([1, 1, channels / groups]);
  return kernel.mul(scales.transpose([1, 0, 2]).reshape([outer, channels]));
}
