// What the GMR convolution layers have in common: options, weights, the call of the op, and the config.

import {
  ANY_SIZE,
  type ConvGeometry,
  checkFits,
  checkKeys,
  checkNonNegativeInteger,
  checkObject,
  checkPositiveInteger,
  describeValue,
  GmrError,
  geometryAt,
  initialSigma,
  type KeysOf,
  oneOf,
  type Pad,
  type PadMode,
  perAxis,
  type Rank,
  type RingPartition,
  ringMasks,
  ringPartition,
} from "@gmr-conv/core";
import {
  defaultRingBasis,
  RING_BASES,
  type RingBasis,
  type WhiteBasis,
  whiteBasis,
} from "@gmr-conv/core/bases";
import * as tf from "@tensorflow/tfjs";
import { gmrConv } from "../conv.ts";
import { mixRingWeights } from "../mixture.ts";
import { checkStrategy, type Strategy } from "../options.ts";
import type { FoldableConv, FoldedConv } from "./foldedConv.ts";
import type { GmrConvArgs, GmrConvTransposeArgs } from "./gmrConvArgs.ts";
import { LAYER_KEYS } from "./layerKeys.ts";
import { clipToRings } from "./ringMasks.ts";
import {
  ArrayInitializer,
  changed,
  type RingInitializer,
  ringInitializer,
  WEIGHT_NAMES,
  weightInitializer,
} from "./ringWeights.ts";
import { type Constraint, type Initializer, type Regularizer, resolve, serialize } from "./stock.ts";

const AXES = { 1: "W", 2: "H, W", 3: "D, H, W" };

/** What is not for the direction of a layer, or never supported, is known too: it is refused with the reason. */
type AnyArgs = GmrConvArgs & GmrConvTransposeArgs & { dataFormat?: unknown };

const KEYS: KeysOf<AnyArgs> = {
  ...LAYER_KEYS,
  filters: true,
  kernelSize: true,
  strides: true,
  padding: true,
  padMode: true,
  outputPadding: true,
  dilationRate: true,
  dataFormat: true,
  groups: true,
  numRings: true,
  circular: true,
  mixture: true,
  ringBasis: true,
  trainSigma: true,
  decaySigma: true,
  trainMasks: true,
  strategy: true,
  activation: true,
  useBias: true,
  kernelInitializer: true,
  seed: true,
  biasInitializer: true,
  kernelRegularizer: true,
  biasRegularizer: true,
  sigmaRegularizer: true,
  kernelConstraint: true,
  biasConstraint: true,
};

/**
 * What the layers have in common. Weights: `white_weights`, `half_white_weights` or `ring_weights`, depending on the
 * basis, [R, Cin/groups, filters] (transposed: [R, filters/groups, Cin]), `log_sigmas` [R] with a mixture, `ring_masks`
 * [R, Πk] with trained masks, `bias` [filters].
 */
export abstract class GmrConv extends tf.layers.Layer implements FoldableConv {
  readonly filters: number;
  readonly partition: RingPartition;
  /** Whether weight decay may act on `log_sigmas`; see {@link decaysWeight}. */
  readonly decaySigma: boolean;
  /** Number of spatial axes. */
  readonly rank: Rank;
  readonly transposed: boolean;
  private readonly options: {
    strides: number[];
    pad: Pad;
    padMode: PadMode;
    dilations: number[];
    groups: number;
    outputPadding: number[];
    strategy: Strategy;
  };
  readonly ringBasis: RingBasis;
  private readonly white: WhiteBasis | undefined;
  private readonly mixture: boolean;
  private readonly trainSigma: boolean;
  private readonly trainMasks: boolean;
  private readonly useBias: boolean;
  private readonly activation: GmrConvArgs["activation"];
  private readonly activationLayer: tf.layers.Layer | undefined;
  private readonly seed: number | undefined;
  private readonly kernelInitializer: RingInitializer | Initializer;
  private readonly biasInitializer: Initializer;
  private readonly kernelRegularizer: Regularizer | undefined;
  private readonly biasRegularizer: Regularizer | undefined;
  private readonly sigmaRegularizer: Regularizer | undefined;
  private readonly kernelConstraint: Constraint | undefined;
  private readonly biasConstraint: Constraint | undefined;
  private trained?: tf.LayerVariable;
  private logSigmas?: tf.LayerVariable;
  private ringMasks?: tf.LayerVariable;
  private bias?: tf.LayerVariable;

  protected constructor(rank: Rank, args: GmrConvArgs & GmrConvTransposeArgs, transposed = false) {
    super(checkObject("the arguments of a layer", args));
    const { dataFormat } = checkKeys<AnyArgs>(`the options of ${this.getClassName()}`, args, KEYS);
    if (dataFormat != null && dataFormat !== "channelsLast") {
      throw new GmrError(
        "unsupported",
        `dataFormat must be "channelsLast", got ${describeValue(dataFormat)}: permute the axes first`,
      );
    }
    this.rank = rank;
    this.transposed = transposed;
    this.filters = checkPositiveInteger("filters", args.filters);
    this.partition = ringPartition(args.kernelSize, {
      rank,
      numRings: args.numRings,
      circular: args.circular,
    });
    this.options = {
      strides: perAxis("strides", args.strides ?? 1, rank),
      pad: args.padding ?? "valid",
      padMode: args.padMode ?? "zeros",
      dilations: perAxis("dilationRate", args.dilationRate ?? 1, rank),
      groups: checkPositiveInteger("groups", args.groups ?? 1),
      outputPadding: perAxis("outputPadding", args.outputPadding ?? 0, rank, checkNonNegativeInteger),
      strategy: checkStrategy(args.strategy ?? "auto"),
    };
    this.geometry(new Array<number>(rank).fill(ANY_SIZE)); // throws for options that no input fits
    this.mixture = args.mixture ?? true;
    this.ringBasis = oneOf("ringBasis", args.ringBasis ?? defaultRingBasis(this.partition), RING_BASES);
    if (this.ringBasis !== "rings") {
      this.white = whiteBasis(this.partition, this.mixture, this.ringBasis);
    }
    this.trainSigma = args.trainSigma ?? true;
    this.decaySigma = args.decaySigma ?? false;
    this.trainMasks = args.trainMasks ?? false;
    if (this.trainMasks && this.options.strategy === "ring") {
      throw new GmrError("unsupported", 'trainMasks needs strategy "dense" or "auto", got "ring"');
    }
    this.useBias = args.useBias ?? true;
    this.activation = args.activation;
    if (args.activation && args.activation !== "linear") {
      this.activationLayer = tf.layers.activation({ activation: args.activation });
    }
    // A loaded model has null.
    this.seed = args.seed == null ? undefined : checkNonNegativeInteger("seed", args.seed);
    this.kernelInitializer = ringInitializer(
      args.kernelInitializer ?? (this.white ? "white" : "kaimingNormal"),
    );
    if (this.kernelInitializer === "white" && !this.white) {
      throw new GmrError(
        "invalid-argument",
        'kernelInitializer "white" needs ringBasis "white" or "halfWhite", got "rings"',
      );
    }
    this.biasInitializer =
      resolve("biasInitializer", "initializer", args.biasInitializer) ?? tf.initializers.zeros();
    this.kernelRegularizer = resolve("kernelRegularizer", "regularizer", args.kernelRegularizer);
    this.biasRegularizer = resolve("biasRegularizer", "regularizer", args.biasRegularizer);
    this.sigmaRegularizer = resolve("sigmaRegularizer", "regularizer", args.sigmaRegularizer);
    this.kernelConstraint = resolve("kernelConstraint", "constraint", args.kernelConstraint);
    this.biasConstraint = resolve("biasConstraint", "constraint", args.biasConstraint);
    this.inputSpec = [new tf.InputSpec({ ndim: rank + 2 })];
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const shape = oneShape(inputShape);
    const channels = shape[shape.length - 1];
    const { rank, filters, partition, white, seed } = this;
    const { groups } = this.options;
    if (shape.length !== rank + 2 || channels == null) {
      throw new GmrError(
        "invalid-shape",
        `layer ${this.name} needs inputs [N, ${AXES[rank]}, C] with C known, got ${describeValue(shape)}`,
      );
    }
    if (channels % groups !== 0 || filters % groups !== 0) {
      throw new GmrError(
        "invalid-shape",
        `groups (${groups}) of layer ${this.name} must divide the ${channels} input channels and ${filters} filters`,
      );
    }
    const { numRings, kernelSize } = partition;
    const [inner, outer] = this.transposed ? [filters, channels] : [channels, filters];
    const asked = `layer ${this.name} with filters ${filters} and ${channels} input channels`;
    checkFits(asked, (numRings * inner * outer) / groups, "ring weights");
    this.trained = this.addWeight(
      WEIGHT_NAMES[this.ringBasis],
      [numRings, inner / groups, outer],
      "float32",
      weightInitializer(this.kernelInitializer, { partition, white, groups, seed }, inner, outer),
      this.kernelRegularizer,
      true,
      this.kernelConstraint,
    );
    if (this.mixture) {
      this.logSigmas = this.addWeight(
        "log_sigmas",
        [numRings],
        "float32",
        tf.initializers.constant({ value: Math.log(initialSigma(kernelSize[0], numRings)) }),
        this.sigmaRegularizer,
        this.trainSigma,
      );
    }
    if (this.trainMasks) {
      this.ringMasks = this.addWeight(
        "ring_masks",
        [numRings, this.partition.index.length],
        "float32",
        new ArrayInitializer(() => ringMasks(this.partition)),
      );
    }
    if (this.useBias) {
      this.bias = this.addWeight(
        "bias",
        [filters],
        "float32",
        this.biasInitializer,
        this.biasRegularizer,
        true,
        this.biasConstraint,
      );
    }
    this.inputSpec = [new tf.InputSpec({ ndim: rank + 2, axes: { [rank + 1]: channels } })];
    super.build(inputShape);
  }

  /** The weights of the rings, [R, Cin/groups, filters] (transposed: [R, filters/groups, Cin]), before the mixture. */
  readRings(): tf.Tensor3D {
    const trained = this.trained?.read() as tf.Tensor3D | undefined;
    if (!trained)
      throw new GmrError("invalid-argument", `layer ${this.name} must be built before its rings are known`);
    return this.white ? changed(this.white.matrix, trained) : trained.clone();
  }

  /** Sets the weights of the rings. */
  writeRings(weights: tf.Tensor3D): void {
    if (!this.trained)
      throw new GmrError("invalid-argument", `layer ${this.name} must be built before its rings are known`);
    const { trained, white } = this;
    tf.tidy(() => {
      trained.write(white ? changed(white.inverse, weights) : weights);
    });
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const shape = oneShape(inputShape);
    const sizes = shape.slice(1, -1);
    // Sizes may be unknown; the known axes are computed beside a size that always works.
    const { outputSize } = this.geometry(sizes.map((size) => size ?? ANY_SIZE));
    return [shape[0], ...sizes.map((size, axis) => (size == null ? null : outputSize[axis])), this.filters];
  }

  private geometry(inputSize: number[]): ConvGeometry {
    const { kernelSize } = this.partition;
    return geometryAt({ ...this.options, kernelSize, transposed: this.transposed }, inputSize);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Parameters<tf.layers.Layer["call"]>[1]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const { kernelSize, circular } = this.partition;
      const y = gmrConv(
        this.rank,
        x,
        this.readRings(),
        {
          ...this.options,
          kernelSize,
          circular,
          logSigmas: this.logSigmas?.read() as tf.Tensor1D | undefined,
          masks: this.clippedMasks(),
          bias: this.bias?.read() as tf.Tensor1D | undefined,
        },
        this.transposed,
      );
      if (this.activation === "relu") return y.relu();
      return this.activationLayer ? (this.activationLayer.apply(y) as tf.Tensor) : y;
    });
  }

  private clippedMasks(): tf.Tensor2D | undefined {
    return this.ringMasks && clipToRings(this.ringMasks.read() as tf.Tensor2D, this.partition);
  }

  /** Brings trained masks back to within ±0.1 of the partition, as far as an optimiser's steps left it. */
  clipMasks(): void {
    const masks = this.ringMasks;
    if (!masks) return;
    tf.tidy(() => {
      masks.write(clipToRings(masks.read() as tf.Tensor2D, this.partition));
    });
  }

  foldedConv(): FoldedConv {
    const { kernelSize, numRings, index } = this.partition;
    const mixedRings = (): tf.Tensor3D =>
      tf.tidy(() => {
        const weights = this.readRings();
        return this.logSigmas ? mixRingWeights(weights, this.logSigmas.read() as tf.Tensor1D) : weights;
      });
    const kernel = tf.tidy(() => {
      const mixed = mixedRings();
      const masks =
        this.clippedMasks() ??
        tf.tensor2d(Float32Array.from(ringMasks(this.partition)), [numRings, index.length]);
      const [, inner, outer] = mixed.shape;
      return tf
        .matMul(masks, mixed.reshape<tf.Tensor2D>([numRings, inner * outer]), true)
        .reshape([...kernelSize, inner, outer]);
    });
    const { strategy: _, ...options } = this.options;
    return {
      ...options,
      rank: this.rank,
      transposed: this.transposed,
      kernel,
      bias: this.bias?.read().clone() as tf.Tensor1D | undefined,
      kernelSize,
      activation: this.activation ?? "linear",
      rings: this.trainMasks ? undefined : { weights: mixedRings, index },
    };
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { strides, pad, padMode, dilations, groups, outputPadding, strategy } = this.options;
    return {
      ...super.getConfig(),
      filters: this.filters,
      kernelSize: [...this.partition.kernelSize],
      strides,
      padding: typeof pad === "object" ? [...pad] : pad,
      ...(this.transposed ? { outputPadding } : { padMode }),
      dilationRate: dilations,
      groups,
      numRings: this.partition.numRings,
      circular: this.partition.circular,
      mixture: this.mixture,
      ringBasis: this.ringBasis,
      trainSigma: this.trainSigma,
      decaySigma: this.decaySigma,
      trainMasks: this.trainMasks,
      strategy,
      activation: this.activation ?? "linear",
      useBias: this.useBias,
      kernelInitializer:
        typeof this.kernelInitializer === "string"
          ? this.kernelInitializer
          : serialize(this.kernelInitializer),
      seed: this.seed ?? null,
      biasInitializer: serialize(this.biasInitializer),
      kernelRegularizer: serialize(this.kernelRegularizer),
      biasRegularizer: serialize(this.biasRegularizer),
      sigmaRegularizer: serialize(this.sigmaRegularizer),
      kernelConstraint: serialize(this.kernelConstraint),
      biasConstraint: serialize(this.biasConstraint),
    };
  }
}

function oneShape(shape: tf.Shape | tf.Shape[]): tf.Shape {
  if (!Array.isArray(shape[0])) return shape as tf.Shape;
  if (shape.length === 1) return shape[0];
  throw new GmrError("invalid-shape", `expected one input, got ${describeValue(shape)}`);
}
