// Swapping the convolutions of an existing model by GMR convolutions.
//
// Strided convolutions sample positions that a turn does not map to each other, so they become average pooling, with
// windows that lie symmetrically on sides of any size, and a convolution of stride 1 (Du et al., arXiv 2504.02819;
// `convert_to_gmr_conv` of the official package).
//
//   convolution, "same"      average pooling, then a convolution of stride 1
//   convolution, 1×1         average pooling, then the same layer with stride 1
//   zeros on one side, "valid" as "same", which Keras' networks write so: the zeros are left out
//   convolution, "valid"     a convolution of stride 1, then average pooling, which gives the same sizes as before
//   transposed, "same"       each position repeated (nearest-neighbour upsampling), then stride 1
//   transposed, "valid"      strides are kept: without cropping, its sampling is symmetric. Where the kernel is no
//                            larger than the stride, sizes are those of "same", and so is the treatment.

import {
  checkNonNegativeInteger,
  checkObject,
  checkPositiveInteger,
  describeValue,
  GmrError,
  initialSigma,
  mixtureMatrix,
  product,
  Random,
  type Rank,
  type RingBasis,
  type RingPartition,
  ringPartition,
} from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkModel } from "../checks.ts";
import { isFoldableConv } from "../layers/foldedConv.ts";
import {
  GmrConv,
  type GmrConvArgs,
  gmrConv1D,
  gmrConv2D,
  gmrConv2DTranspose,
  gmrConv3D,
  gmrConv3DTranspose,
  registerLayers,
  symmetricPool,
} from "../layers/index.ts";
import { applyLayer, cloneLayer, copyWeights, weightNamed } from "./cloneLayer.ts";
import type { ConversionEntry } from "./conversionReport.ts";
import { diagonalBlocks } from "./kernels.ts";
import { nestedGraphs } from "./nodes.ts";
import { innerLayer, invarianceObstacles, type Obstacle } from "./obstacles.ts";
import { recentreKernel, ringMeans, unmixWeights } from "./projectRings.ts";
import { rebuildModel, type UniqueName } from "./rebuild.ts";
import { tidied } from "./tidied.ts";

/** Some convolutions of a model: those of these names, or those for which the function is true. */
export type LayerFilter = readonly string[] | ((layer: tf.layers.Layer) => boolean);

export interface ConvertOptions {
  /** Odd size of the new kernels along every axis, with "same" padding. Default: as before, even sizes plus one. */
  kernelSize?: number | undefined;
  /** Default: half the kernel size, rounded down, plus one. */
  numRings?: number | undefined;
  /** Leave the corners of the kernels out of every ring. Default true. */
  circular?: boolean | undefined;
  /** Smooth the weights along the radius by a mixture of Gaussians. Default true. */
  mixture?: boolean | undefined;
  /** What is trained, see {@link GmrConvArgs}. */
  ringBasis?: RingBasis | undefined;
  /** Groups of convolutions whose channels they divide. Default 1; depthwise convolutions stay depthwise. */
  groups?: number | undefined;
  /**
   * `"fresh"` (default): new random weights, for training. `"project"`: the ring weights nearest to the old kernel in
   * least squares, and the old bias, as a start for finetuning.
   */
  weights?: "fresh" | "project" | undefined;
  /** Convert only these. */
  include?: LayerFilter | undefined;
  /** Leave these. */
  exclude?: LayerFilter | undefined;
  /** Seed of fresh weights; default: other ones each time. */
  seed?: number | undefined;
}

export interface Conversion {
  readonly model: tf.LayersModel;
  /** One entry per convolution, also those in wrappers such as `TimeDistributed`, in the order of execution. */
  readonly report: readonly ConversionEntry[];
  /** What keeps the new model from being invariant to turns by 90° and mirror images, as far as its layers tell. */
  readonly obstacles: readonly Obstacle[];
}

/**
 * Swaps the convolutions of a model, of more than one position along every axis, by GMR convolutions of the same name,
 * channels, dilation, bias, activation and regularisers; strides become average pooling or upsampling, also those of 1×1
 * convolutions, which stay as they are otherwise. All other layers keep their weights. `model` stays as it is; the result is not compiled.
 *
 * If all convolutions are swapped, pooling windows fill the maps, and what follows looks at no position in particular
 * (global pooling, no flatten), the result is invariant to turns by 90° and mirror images. `obstacles` names the layers for which
 * it is not.
 *
 * @throws GmrError `invalid-argument` for options that are never allowed, or names that no convolution has;
 *   `invalid-shape` where an even kernel with "valid" padding or a new kernel size changed the size of a map and a
 *   layer does not fit it
 */
export function convertToGmr(model: tf.LayersModel, options: ConvertOptions = {}): Conversion {
  registerLayers();
  checkModel(model);
  const converter = new Converter(checkOptions(options, model));
  const paddings = converter.paddingsOf(model);
  const converted = tidied(() =>
    rebuildModel(model, ({ layer, inputs: [from], outputs: [to] }, inputs, name) => {
      if (paddings.has(to.id)) return inputs;
      if (!isConvolution(layer)) {
        converter.logUnconverted(layer);
        return undefined;
      }
      const output = converter.convert(layer, inputs[0], name, paddings.has(from.id));
      return output && [output];
    }),
  );
  return { model: converted, report: converter.report, obstacles: invarianceObstacles(converted) };
}

const KINDS: Readonly<Record<string, { rank: Rank; transposed: boolean }>> = {
  Conv1D: { rank: 1, transposed: false },
  Conv2D: { rank: 2, transposed: false },
  Conv3D: { rank: 3, transposed: false },
  DepthwiseConv2D: { rank: 2, transposed: false },
  SeparableConv2D: { rank: 2, transposed: false },
  Conv2DTranspose: { rank: 2, transposed: true },
  Conv3DTranspose: { rank: 3, transposed: true },
};

function isConvolution(layer: tf.layers.Layer): boolean {
  return isFoldableConv(layer) || Object.hasOwn(KINDS, layer.getClassName());
}

function checkOptions(options: ConvertOptions, model: tf.LayersModel): ConvertOptions {
  const {
    kernelSize = 1,
    numRings,
    circular,
    groups = 1,
    weights = "fresh",
    seed = 0,
  } = checkObject("options", options);
  ringPartition(kernelSize, { rank: 1, numRings, circular });
  checkPositiveInteger("groups", groups);
  checkNonNegativeInteger("seed", seed);
  if (weights !== "fresh" && weights !== "project") {
    throw new GmrError(
      "invalid-argument",
      `weights must be "fresh" or "project", got ${describeValue(weights)}`,
    );
  }
  const layers = nestedGraphs(model).flatMap(({ nodes }) => nodes.map(({ layer }) => layer));
  const names = new Set(layers.filter(isConvolution).map((layer) => layer.name));
  for (const option of ["include", "exclude"] as const) {
    const filter = options[option];
    const unknown = Array.isArray(filter) ? filter.find((name) => !names.has(name)) : undefined;
    if (unknown === undefined) continue;
    throw new GmrError(
      "invalid-argument",
      `${option} must name convolutions of the model, got ${describeValue(unknown)}`,
    );
  }
  return options;
}

/** What is used of the configs of stock convolutions. */
interface StockConfig {
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
interface Plan {
  readonly padding: "same" | "valid";
  readonly kernelSize: readonly number[];
  /** Of the new layer. */
  readonly strides: readonly number[];
  readonly resampling: keyof typeof ACTIONS;
}

const ACTIONS = {
  none: "replaced",
  "pool alone": "strides replaced with average pooling",
  "pool before": "replaced with average pooling",
  "pool after": "replaced with average pooling",
  upsample: "replaced with upsampling",
} as const satisfies Record<string, ConversionEntry["action"]>;

class Converter {
  readonly report: ConversionEntry[] = [];
  private readonly options: ConvertOptions;
  private readonly random: Random | undefined;
  private readonly made = new Map<tf.layers.Layer, tf.layers.Layer>();
  private readonly left = new Set<tf.layers.Layer>();

  constructor(options: ConvertOptions) {
    this.options = options;
    this.random = options.seed === undefined ? undefined : new Random(options.seed);
  }

  /**
   * Paddings, by the ids of their outputs, that make of the "valid" convolutions behind them what "same" ones are: zeros at one
   * end more than at the other, as "same" puts them where strides divide the side.
   */
  paddingsOf(model: tf.LayersModel): Set<number> {
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
        const isSame = (user: tf.layers.Layer) =>
          nodes.filter((node) => node.layer === user).length === 1 && this.isSame(user, sizes, total);
        if (users.length > 0 && users.every((user) => isSame(user.layer))) found.add(outputs[0].id);
      }
    }
    return found;
  }

  /** Whether a layer is a convolution to be swapped that gives maps of the size that "same" would, behind so many zeros. */
  private isSame(
    layer: tf.layers.Layer,
    sizes: readonly (number | null)[],
    zeros: readonly number[],
  ): boolean {
    if (!isConvolution(layer) || isFoldableConv(layer)) return false;
    const config = layer.getConfig() as unknown as StockConfig;
    const { kernelSize, strides, dilationRate } = config;
    if (config.padding !== "valid" || KINDS[layer.getClassName()].transposed) return false;
    const plan = this.plan(layer, { ...config, padding: "same" });
    if (typeof plan === "string" || plan.resampling === "pool alone") return false;
    return sizes.every((size, axis) => {
      const extent = (dilationRate?.[axis] ?? 1) * (kernelSize[axis] - 1) + 1;
      const stride = strides[axis];
      if (size === null) return zeros[axis] < extent && zeros[axis] >= extent - stride;
      return Math.floor((size + zeros[axis] - extent) / stride) + 1 === Math.ceil(size / stride);
    });
  }

  /** Names a layer that holds a convolution without being one. */
  logUnconverted(layer: tf.layers.Layer): void {
    const inner = innerLayer(layer);
    const isRecurrent = layer.getClassName().startsWith("ConvLSTM");
    if (this.left.has(layer) || !(isRecurrent || (inner && isConvolution(inner)))) return;
    this.left.add(layer);
    const config = (isRecurrent ? layer : inner!).getConfig() as unknown as StockConfig;
    const reason = isRecurrent ? "recurrent" : `${inner!.getClassName()} inside a wrapper`;
    this.log(layer, config, { action: "left", reason }, layer.countParams());
  }

  /** What stands for a call of a convolution, or undefined to keep it. */
  convert(
    layer: tf.layers.Layer,
    input: tf.SymbolicTensor,
    name: UniqueName,
    isSame: boolean,
  ): tf.SymbolicTensor | undefined {
    const stock = layer.getConfig() as unknown as StockConfig;
    const config: StockConfig = isSame ? { ...stock, padding: "same" } : stock;
    const plan = this.plan(layer, config);
    if (typeof plan === "string") {
      if (!this.left.has(layer)) {
        this.log(layer, config, { action: "left", reason: plan }, layer.countParams());
      }
      this.left.add(layer);
      return undefined;
    }
    const { strides } = config;
    let x = input;
    if (plan.resampling === "pool before" || plan.resampling === "pool alone")
      x = symmetricPool(x, { strides, name: name(`${layer.name}.pool`) });
    if (plan.resampling === "upsample") {
      const upsampling = tf.layers.upSampling2d({
        size: strides,
        interpolation: "nearest",
        dataFormat: "channelsLast",
        name: name(`${layer.name}.upsample`),
      });
      [x] = applyLayer(upsampling, [x]);
    }
    const known = this.made.get(layer);
    const made = known ?? this.create(layer, config, plan, x.shape.at(-1) as number, name());
    [x] = applyLayer(made, [x]);
    if (!known) {
      if (!(made instanceof GmrConv)) copyWeights(layer, made);
      else if (this.options.weights === "project") project(layer, made);
      this.made.set(layer, made);
      const { kernelSize, resampling } = plan;
      this.log(layer, config, { action: ACTIONS[resampling], kernelSize }, made.countParams());
    }
    if (plan.resampling !== "pool after") return x;
    return symmetricPool(x, { strides, name: name(`${layer.name}.pool`) });
  }

  /** A plan, or why there is none. */
  private plan(layer: tf.layers.Layer, config: StockConfig): Plan | string {
    const { include, exclude, kernelSize: wanted } = this.options;
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

  private create(
    layer: tf.layers.Layer,
    config: StockConfig,
    plan: Plan,
    channels: number,
    name: string,
  ): tf.layers.Layer {
    if (plan.resampling === "pool alone") return cloneLayer(layer, { name, strides: [...plan.strides] });
    const { numRings, circular, mixture, ringBasis, groups: wanted = 1 } = this.options;
    const className = layer.getClassName();
    const depthwise = className === "DepthwiseConv2D";
    const filters = depthwise ? channels * (config.depthMultiplier ?? 1) : config.filters;
    const shared = channels % wanted === 0 && filters % wanted === 0 ? wanted : 1;
    const args: GmrConvArgs = {
      name,
      filters,
      kernelSize: plan.kernelSize,
      strides: plan.strides,
      padding: plan.padding,
      dilationRate: depthwise ? 1 : (config.dilationRate ?? 1), // stock depthwise layers ignore theirs
      groups: depthwise ? channels : shared,
      numRings,
      circular,
      mixture,
      ringBasis,
      activation: config.activation,
      useBias: config.useBias,
      trainable: layer.trainable,
      seed: this.random?.int(2 ** 31),
      kernelRegularizer: config.kernelRegularizer ?? config.depthwiseRegularizer,
      kernelConstraint: config.kernelConstraint,
      biasInitializer: config.biasInitializer,
      biasRegularizer: config.biasRegularizer,
      biasConstraint: config.biasConstraint,
    };
    const { rank, transposed } = KINDS[className];
    if (transposed) return rank === 2 ? gmrConv2DTranspose(args) : gmrConv3DTranspose(args);
    return { 1: gmrConv1D, 2: gmrConv2D, 3: gmrConv3D }[rank](args);
  }

  private log(
    layer: tf.layers.Layer,
    { kernelSize, strides }: StockConfig,
    outcome: Pick<ConversionEntry, "action" | "reason"> & { kernelSize?: readonly number[] },
    parametersAfter: number,
  ): void {
    this.report.push({
      name: layer.name,
      className: layer.getClassName(),
      kernelBefore: kernelSize,
      kernelAfter: outcome.kernelSize ?? kernelSize,
      strides,
      action: outcome.action,
      reason: outcome.reason,
      parametersBefore: layer.countParams(),
      parametersAfter,
    });
  }
}

function passes(filter: LayerFilter, layer: tf.layers.Layer): boolean {
  return typeof filter === "function" ? filter(layer) : filter.includes(layer.name);
}

/** Gives a built GMR layer the weights that come nearest to those of a stock layer. */
function project(from: tf.layers.Layer, to: GmrConv): void {
  const { partition } = to;
  const rank = partition.kernelSize.length;
  const depthwise = weightNamed(from, "depthwise_kernel");
  const kernel = depthwise?.read() ?? diagonalBlocks(weightNamed(from, "kernel")!.read(), groupsOf(to));
  const size = kernel.shape.slice(0, rank);
  const positions = product(size);
  const matrix = projection(size, partition, weightNamed(to, "log_sigmas") !== undefined);
  const values = tf.matMul(matrix, kernel.reshape<tf.Tensor2D>([positions, -1]));
  const trained = to.weights[0].shape as [number, number, number];
  to.writeRings(values.reshape(trained));
  const bias = weightNamed(from, "bias");
  if (bias) weightNamed(to, "bias")!.write(bias.read());
}

/** From the positions of a kernel to the ring weights nearest to it, [R, positions]: what becomes of each alone. */
function projection(size: readonly number[], partition: RingPartition, mixture: boolean): tf.Tensor2D {
  const { kernelSize, numRings } = partition;
  const positions = product(size);
  const identity = Float64Array.from({ length: positions ** 2 }, (_, i) => Number(i % (positions + 1) === 0));
  const means = ringMeans(recentreKernel(identity, size, kernelSize), partition);
  if (!mixture) return tf.tensor2d(Float32Array.from(means), [numRings, positions]);
  const logSigmas = new Array<number>(numRings).fill(Math.log(initialSigma(kernelSize[0], numRings)));
  const weights = unmixWeights(means, mixtureMatrix(logSigmas), numRings);
  return tf.tensor2d(Float32Array.from(weights), [numRings, positions]);
}

function groupsOf(layer: GmrConv): number {
  return layer.getConfig().groups as number;
}
