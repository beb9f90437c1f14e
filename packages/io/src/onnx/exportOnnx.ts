// Exports a layers model as an ONNX file, for inference elsewhere.

import { checkKeys, describeValue, GmrError, type KeysOf } from "@gmr-conv/core";
import { checkModel, nestedGraphs, planMerges } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import manifest from "../../package.json" with { type: "json" };
import { type DataType, encodeModel, type OnnxValueInfo } from "./encodeModel.ts";
import { GraphBuilder, inFileOrder, type RingForm, type Value } from "./graph.ts";
import { isWritable } from "./writeLayer.ts";
import { knownSizes, writeModel } from "./writeModel.ts";

/** Supported by runtimes since 2022. */
const OPSET = 17;

export interface ExportOnnxOptions {
  /**
   * Order of the axes of inputs and outputs with three or more: `"NCHW"` (default) has the channels second, as usual in
   * ONNX; `"NHWC"` keeps the order of TensorFlow.js. Models with layers of `dataFormat: "channelsFirst"` always keep
   * it.
   */
  layout?: "NCHW" | "NHWC" | undefined;
  /** Merge batch normalisation into the weights of the convolution before it. Default true. */
  mergeBatchNorm?: boolean | undefined;
  /**
   * How ring convolutions are stored:
   * - `"fold"` (default): as ordinary convolutions;
   * - `"keep"`: as ring weights, from which runtimes make ordinary kernels once, when they load the file. It is
   *   smaller, by about the number of kernel positions per ring;
   * - `"sums"`: as a grouped convolution with 0/1 masks, which sums each input channel over each ring, and a 1×1
   *   convolution: as small, with far fewer multiplications. Transposed convolutions are as in `"keep"`.
   *
   * Trained masks, which need not be rings, always become ordinary kernels.
   */
  rings?: RingForm | undefined;
  /** Name of the graph. Default: the model's. */
  name?: string | undefined;
  /** Strings to store with the model. */
  metadata?: Readonly<Record<string, string>> | undefined;
}

const KEYS: KeysOf<ExportOnnxOptions> = {
  layout: true,
  mergeBatchNorm: true,
  rings: true,
  name: true,
  metadata: true,
};

/**
 * An ONNX file (operator set 17) of a model's inference.
 *
 * GMR convolutions become ordinary ones; layers of other packages are exported by their method `foldToStock`, as in
 * `foldModel`. Inputs and outputs have the names of their layers. The batch size, and sizes that the model leaves open,
 * are open in the file too. `model` is not changed.
 *
 * @throws GmrError `unsupported` for a layer that cannot be written, naming it; for "same" padding that depends on
 *   unknown sizes, unless it is of zeros and the kernel neither dilated nor shorter than a stride; for 2 GiB or more.
 *   `invalid-data` for weights that are NaN or infinite, and variances below 0. `invalid-argument` for unknown options
 *   or a model without outputs
 */
export async function exportOnnx(
  model: tf.LayersModel,
  options: ExportOnnxOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkModel(model);
  const {
    layout = "NCHW",
    mergeBatchNorm = true,
    rings = "fold",
    name = model.name,
    metadata = {},
  } = checkKeys("the options of exportOnnx", options, KEYS);
  checkOptions(layout, rings, metadata);
  if (model.outputs.length === 0) {
    throw new GmrError("invalid-argument", `model ${model.name} must be built before it is exported`);
  }
  const graph = new GraphBuilder();
  graph.rings = rings;
  let weights: tf.Tensor[] = [];
  try {
    let inputs: OnnxValueInfo[] = [];
    let outputs: OnnxValueInfo[] = [];
    weights = tf.tidy(() => {
      ({ inputs, outputs } = writeGraph(graph, model, layout, mergeBatchNorm));
      return graph.weights.map(({ tensor }) => tensor);
    });
    const numbers = await Promise.all(weights.map((weight) => weight.data()));
    graph.weights.forEach(({ name, least }, i) => {
      checkNumbers(name, numbers[i], least);
    });
    const tensors = graph.weights.map((weight, i) => ({
      name: weight.name,
      type: "float32" as const,
      shape: weight.tensor.shape,
      data: numbers[i],
    }));
    return encodeModel({
      producer: manifest,
      opset: OPSET,
      name,
      inputs,
      outputs,
      nodes: graph.nodes,
      tensors: [...graph.constants, ...tensors],
      metadata,
    });
  } finally {
    tf.dispose(weights);
  }
}

/** Otherwise the file would only compute NaN, elsewhere and much later. */
function checkNumbers(name: string, numbers: ArrayLike<number>, least: number): void {
  for (let i = 0; i < numbers.length; i++) {
    if (Number.isFinite(numbers[i]) && numbers[i] >= least) continue;
    const expected = Number.isFinite(numbers[i]) ? `at least ${least}` : "a finite number";
    throw new GmrError("invalid-data", `weight ${name}[${i}] is ${numbers[i]}, expected ${expected}`);
  }
}

function checkOptions(layout: string, rings: string, metadata: Readonly<Record<string, unknown>>): void {
  if (layout !== "NCHW" && layout !== "NHWC") {
    throw new GmrError("invalid-argument", `layout must be "NCHW" or "NHWC", got ${describeValue(layout)}`);
  }
  if (!["fold", "keep", "sums"].includes(rings)) {
    throw new GmrError(
      "invalid-argument",
      `rings must be "fold", "keep" or "sums", got ${describeValue(rings)}`,
    );
  }
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") {
      throw new GmrError("invalid-argument", `metadata ${key} must be a string, got ${describeValue(value)}`);
    }
  }
}

interface Ends {
  inputs: OnnxValueInfo[];
  outputs: OnnxValueInfo[];
}

function writeGraph(
  graph: GraphBuilder,
  model: tf.LayersModel,
  layout: "NCHW" | "NHWC",
  mergeBatchNorm: boolean,
): Ends {
  const channelsFirst = nestedGraphs(model)
    .flatMap(({ nodes }) => nodes)
    .some(({ layer }) => isWritable(layer) && layer.getConfig().dataFormat === "channelsFirst");
  const moved = layout === "NCHW" && !channelsFirst;
  const [inputNames, outputNames] = [model.inputs, model.outputs].map((tensors) =>
    tensors.map(({ sourceLayer }) => graph.unique(sourceLayer.name)),
  );
  const values = model.inputs.map(({ shape }, i) => ({
    name: inputNames[i],
    shape: knownSizes(shape),
    moved,
  }));
  const types = model.inputs.map(dataTypeOf);
  const inputs = values.map((value, i) => {
    const prefix = values.length === 1 ? "" : `${value.name}_`;
    return { name: value.name, type: types[i], shape: fileShape(value, prefix, moved || channelsFirst) };
  });
  const floats = values.map((value, i) => {
    graph.owner = value.name;
    return types[i] === "float32" ? value : graph.elementwise("Cast", value, [], { to: 1 });
  });
  const results = writeModel(graph, model, floats, mergeBatchNorm ? planMerges(model) : new Map()).map(
    (value, i) => {
      graph.owner = outputNames[i];
      return graph.inOrder(value, moved);
    },
  );
  graph.finish(results, outputNames);
  const outputs = results.map((value, i) => ({
    name: outputNames[i],
    type: "float32" as const,
    shape: fileShape(value, `${outputNames[i]}_`, moved || channelsFirst),
  }));
  return { inputs, outputs };
}

function dataTypeOf({ name, dtype }: tf.SymbolicTensor): DataType {
  if (dtype === "float32" || dtype === "int32") return dtype;
  throw new GmrError("unsupported", `input ${name} has type ${dtype}, expected float32 or int32`);
}

/** The sizes in the file, with names for open ones: `N` for the batch, `D`, `H` and `W`. */
function fileShape({ shape, moved }: Value, prefix: string, channelsSecond: boolean): (number | string)[] {
  const axes = "DHW".slice(5 - shape.length);
  return inFileOrder(shape, moved).map((size, axis) => {
    if (size !== null) return size;
    return axis === 0 ? "N" : prefix + (axes[axis - (channelsSecond ? 2 : 1)] ?? axis);
  });
}
