// Replaces the convolutions of an existing model with GMR convolutions.
//
// Strided convolutions sample positions that a turn does not map to each other, so they become average pooling, with
// windows that lie symmetrically on sides of any size, and a convolution of stride 1 (Du et al., arXiv 2504.02819;
// `convert_to_gmr_conv` of the official package).
//
//   convolution, "same"      average pooling, then a convolution of stride 1
//   convolution, 1×1         average pooling, then the same layer with stride 1
//   zeros on one side, "valid" as "same", as Keras' networks write it: the zeros are dropped
//   convolution, "valid"     a convolution of stride 1, then average pooling, which gives the same sizes as before
//   transposed, "same"       each position repeated (nearest-neighbour upsampling), then stride 1
//   transposed, "valid"      strides are kept: without cropping, its sampling is symmetric. If the kernel is no
//                            larger than the stride, sizes are those of "same", and so is the treatment.

import { Random } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkModel } from "../checks.ts";
import { GmrConv } from "../layers/gmrConv.ts";
import type { GmrConvArgs } from "../layers/gmrConvArgs.ts";
import {
  gmrConv1dLayer,
  gmrConv2dLayer,
  gmrConv2dTransposeLayer,
  gmrConv3dLayer,
  gmrConv3dTransposeLayer,
  registerLayers,
  symmetricPool,
} from "../layers/index.ts";
import { applyLayer, cloneLayer, copyWeights } from "./cloneLayer.ts";
import type { ConversionEntry } from "./conversionReport.ts";
import { type ConvertOptions, checkOptions, isConvolution, KINDS } from "./convertOptions.ts";
import { innerLayer, invarianceObstacles, type Obstacle } from "./obstacles.ts";
import { projectLayer } from "./projectLayer.ts";
import { rebuildModel, type UniqueName } from "./rebuild.ts";
import { absorbedPaddings, planSwap, type StockConfig, type SwapPlan } from "./swapPlan.ts";
import { tidied } from "./tidied.ts";

export interface Conversion {
  readonly model: tf.LayersModel;
  /** One entry per convolution, including those in wrappers such as `TimeDistributed`, in execution order. */
  readonly report: readonly ConversionEntry[];
  /** What keeps the new model from being invariant to turns by 90° and mirror images, as far as its layers tell. */
  readonly obstacles: readonly Obstacle[];
}

/**
 * Replaces the convolutions of a model that have more than one position along every axis with GMR convolutions of the
 * same name, channels, dilation, bias, activation and regularisers. Strides become average pooling or upsampling, also
 * those of 1×1 convolutions, which are otherwise unchanged. All other layers keep their weights. `model` is not
 * modified; the result is not compiled.
 *
 * If all convolutions are replaced, pooling windows fill the maps, and later layers treat all positions alike (global
 * pooling, no flatten), the result is invariant to turns by 90° and mirror images. `obstacles` names the layers that
 * prevent this.
 *
 * @throws GmrError `invalid-argument` for invalid options, or names that no convolution has; `invalid-shape` if an even
 *   kernel with "valid" padding or a new kernel size changed the size of a map and a layer does not fit it
 *
 * @example
 * const { model: gmr, report, obstacles } = convertToGmr(model, { kernelSize: 5, weights: "project" });
 * console.log(formatConversion(report, obstacles)); // what became of each convolution, and what is not invariant
 */
export function convertToGmr(model: tf.LayersModel, options: ConvertOptions = {}): Conversion {
  registerLayers();
  checkModel(model);
  const converter = new Converter(checkOptions(options, model));
  const paddings = absorbedPaddings(model, options);
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

const ACTIONS = {
  none: "replaced",
  "pool alone": "strides replaced with average pooling",
  "pool before": "replaced with average pooling",
  "pool after": "replaced with average pooling",
  upsample: "replaced with upsampling",
} as const satisfies Record<SwapPlan["resampling"], ConversionEntry["action"]>;

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

  /** Names a layer that contains a convolution. */
  logUnconverted(layer: tf.layers.Layer): void {
    const inner = innerLayer(layer);
    const isRecurrent = layer.getClassName().startsWith("ConvLSTM");
    if (this.left.has(layer) || !(isRecurrent || (inner && isConvolution(inner)))) return;
    this.left.add(layer);
    const config = (isRecurrent ? layer : inner!).getConfig() as unknown as StockConfig;
    const reason = isRecurrent ? "recurrent" : `${inner!.getClassName()} inside a wrapper`;
    this.log(layer, config, { action: "left", reason }, layer.countParams());
  }

  /** The replacement for a call of a convolution, or undefined to keep it. */
  convert(
    layer: tf.layers.Layer,
    input: tf.SymbolicTensor,
    name: UniqueName,
    isSame: boolean,
  ): tf.SymbolicTensor | undefined {
    const stock = layer.getConfig() as unknown as StockConfig;
    const config: StockConfig = isSame ? { ...stock, padding: "same" } : stock;
    const plan = planSwap(layer, config, this.options);
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
      else if (this.options.weights === "project") projectLayer(layer, made);
      this.made.set(layer, made);
      const { kernelSize, resampling } = plan;
      this.log(layer, config, { action: ACTIONS[resampling], kernelSize }, made.countParams());
    }
    if (plan.resampling !== "pool after") return x;
    return symmetricPool(x, { strides, name: name(`${layer.name}.pool`) });
  }

  private create(
    layer: tf.layers.Layer,
    config: StockConfig,
    plan: SwapPlan,
    channels: number,
    name: string,
  ): tf.layers.Layer {
    if (plan.resampling === "pool alone") return cloneLayer(layer, { name, strides: [...plan.strides] });
    const { numRings, circular, mixture, ringBasis, kernelInitializer, groups: wanted = 1 } = this.options;
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
      kernelInitializer,
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
    if (transposed) return rank === 2 ? gmrConv2dTransposeLayer(args) : gmrConv3dTransposeLayer(args);
    return { 1: gmrConv1dLayer, 2: gmrConv2dLayer, 3: gmrConv3dLayer }[rank](args);
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
