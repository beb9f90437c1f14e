// The tf.layers layer around gmrConv2d.

import {
  type ConvGeometry,
  checkNonNegativeInteger,
  checkPositiveInteger,
  convGeometry,
  describeValue,
  GmrError,
  initialSigma,
  kaimingNormalFanOut,
  kaimingNormalRingMean,
  kaimingUniformFanIn,
  type Pad,
  type PadMode,
  type PerAxis,
  perAxis,
  Random,
  type RingPartition,
  ringPartition,
} from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { gmrConv2d } from "../conv.ts";
import { checkStrategy, type Strategy } from "../strategy.ts";
import {
  type Constraint,
  type Given,
  type Initializer,
  type Regularizer,
  resolve,
  serialize,
} from "./stock.ts";

/** Stands for an unknown size: more than any kernel reaches. */
const ANY_SIZE = 2 ** 20;

type LayerArgs = ConstructorParameters<typeof tf.layers.Layer>[0];

/**
 * How ring weights start.
 * - `kaimingNormal`: as in the official networks (fan-out of the folded kernel).
 * - `kaimingUniform`: as in the official layer by itself (fan-in of the folded kernel).
 * - `ringMean`: as `kaimingNormal`, scaled so that every ring counts alike, which makes training start much faster.
 */
export type RingInitializer = "kaimingNormal" | "kaimingUniform" | "ringMean";

const RING_INITIALIZERS = {
  kaimingNormal: kaimingNormalFanOut,
  kaimingUniform: kaimingUniformFanIn,
  ringMean: kaimingNormalRingMean,
};

export interface GmrConv2DArgs extends NonNullable<LayerArgs> {
  /** Output channels. */
  filters: number;
  /** Kernel height and width; odd. */
  kernelSize: PerAxis;
  /** Default 1. */
  strides?: PerAxis | undefined;
  /** `"same"`, `"valid"`, or pixels on each side. Default `"valid"`, as in stock layers. */
  padding?: Pad | undefined;
  /** Default `"zeros"`. */
  padMode?: PadMode | undefined;
  /** Default 1. */
  dilationRate?: PerAxis | undefined;
  /** Default 1. */
  groups?: number | undefined;
  /** Default: kernel height // 2 + 1, and one more if not circular. */
  numRings?: number | undefined;
  /** Leave the corners of the kernel out of every ring. Default true. */
  circular?: boolean | undefined;
  /** Smooth the weights along the radius by a mixture of Gaussians. Default true. */
  mixture?: boolean | undefined;
  /** Train the widths of the Gaussians. Default true. */
  trainSigma?: boolean | undefined;
  /** Default `"auto"`. */
  strategy?: Strategy | undefined;
  /** Name of a stock activation, such as `"relu"`. */
  activation?: Parameters<typeof tf.layers.activation>[0]["activation"] | undefined;
  /** Default true. */
  useBias?: boolean | undefined;
  /** Default `"kaimingNormal"`. */
  kernelInitializer?: RingInitializer | Given<Initializer>;
  /** Seed of `kaimingNormal`, `kaimingUniform` and `ringMean`; default: a new one each time. */
  seed?: number | undefined;
  /** Default `"zeros"`. */
  biasInitializer?: Given<Initializer>;
  kernelRegularizer?: Given<Regularizer>;
  biasRegularizer?: Given<Regularizer>;
  sigmaRegularizer?: Given<Regularizer>;
  kernelConstraint?: Given<Constraint>;
  biasConstraint?: Given<Constraint>;
}

/**
 * Gaussian mixture ring convolution as a layer: [N, H, W, Cin] → [N, H', W', filters], the same for every turn
 * by 90° and every mirror image of its input. Weights: `ring_weights` [R, Cin/groups, filters],
 * `log_sigmas` [R] (with a mixture), `bias` [filters].
 */
export class GmrConv2D extends tf.layers.Layer {
  /** @nocollapse */
  static readonly className = "GmrConv2D";

  readonly filters: number;
  readonly partition: RingPartition;
  private readonly options: {
    strides: number[];
    pad: Pad;
    padMode: PadMode;
    dilations: number[];
    groups: number;
    strategy: Strategy;
  };
  private readonly mixture: boolean;
  private readonly trainSigma: boolean;
  private readonly useBias: boolean;
  private readonly activation: GmrConv2DArgs["activation"];
  private readonly activationLayer: tf.layers.Layer | undefined;
  private readonly seed: number | undefined;
  private readonly kernelInitializer: RingInitializer | Initializer;
  private readonly biasInitializer: Initializer;
  private readonly kernelRegularizer: Regularizer | undefined;
  private readonly biasRegularizer: Regularizer | undefined;
  private readonly sigmaRegularizer: Regularizer | undefined;
  private readonly kernelConstraint: Constraint | undefined;
  private readonly biasConstraint: Constraint | undefined;
  private ringWeights?: tf.LayerVariable;
  private logSigmas?: tf.LayerVariable;
  private bias?: tf.LayerVariable;

  constructor(args: GmrConv2DArgs) {
    super(args);
    this.filters = checkPositiveInteger("filters", args.filters);
    this.partition = ringPartition(args.kernelSize, {
      rank: 2,
      numRings: args.numRings,
      circular: args.circular,
    });
    this.options = {
      strides: perAxis("strides", args.strides ?? 1, 2),
      pad: args.padding ?? "valid",
      padMode: args.padMode ?? "zeros",
      dilations: perAxis("dilationRate", args.dilationRate ?? 1, 2),
      groups: checkPositiveInteger("groups", args.groups ?? 1),
      strategy: checkStrategy(args.strategy ?? "auto"),
    };
    this.geometry([ANY_SIZE, ANY_SIZE]); // throws for a padding or pad mode that no input fits
    this.mixture = args.mixture ?? true;
    this.trainSigma = args.trainSigma ?? true;
    this.useBias = args.useBias ?? true;
    this.activation = args.activation;
    if (args.activation && args.activation !== "linear") {
      this.activationLayer = tf.layers.activation({ activation: args.activation });
    }
    // A loaded model has null.
    this.seed = args.seed == null ? undefined : checkNonNegativeInteger("seed", args.seed);
    this.kernelInitializer = ringInitializer(args.kernelInitializer);
    this.biasInitializer =
      resolve("biasInitializer", "initializer", args.biasInitializer) ?? tf.initializers.zeros();
    this.kernelRegularizer = resolve("kernelRegularizer", "regularizer", args.kernelRegularizer);
    this.biasRegularizer = resolve("biasRegularizer", "regularizer", args.biasRegularizer);
    this.sigmaRegularizer = resolve("sigmaRegularizer", "regularizer", args.sigmaRegularizer);
    this.kernelConstraint = resolve("kernelConstraint", "constraint", args.kernelConstraint);
    this.biasConstraint = resolve("biasConstraint", "constraint", args.biasConstraint);
    this.inputSpec = [new tf.InputSpec({ ndim: 4 })];
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const shape = oneShape(inputShape);
    const channels = shape[shape.length - 1];
    const { groups } = this.options;
    if (shape.length !== 4 || channels == null) {
      throw new GmrError(
        "invalid-shape",
        `layer ${this.name} needs inputs [N, H, W, C] with C known, got ${describeValue(shape)}`,
      );
    }
    if (channels % groups !== 0 || this.filters % groups !== 0) {
      throw new GmrError(
        "invalid-shape",
        `groups (${groups}) of layer ${this.name} must divide the ${channels} input channels and ${this.filters} filters`,
      );
    }
    const { numRings, kernelSize } = this.partition;
    this.ringWeights = this.addWeight(
      "ring_weights",
      [numRings, channels / groups, this.filters],
      "float32",
      this.weightInitializer(channels),
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
    if (this.useBias) {
      this.bias = this.addWeight(
        "bias",
        [this.filters],
        "float32",
        this.biasInitializer,
        this.biasRegularizer,
        true,
        this.biasConstraint,
      );
    }
    this.inputSpec = [new tf.InputSpec({ ndim: 4, axes: { 3: channels } })];
    super.build(inputShape);
  }

  private weightInitializer(channels: number): Initializer {
    const initializer = this.kernelInitializer;
    if (typeof initializer !== "string") return initializer;
    const draw = RING_INITIALIZERS[initializer];
    const random = new Random(this.seed ?? Math.floor(Math.random() * 2 ** 32));
    const values = Float32Array.from(
      draw(this.partition, channels, this.filters, this.options.groups, random),
    );
    return new ArrayInitializer(values);
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch, height, width] = oneShape(inputShape);
    // Sizes may be unknown; the known axis is computed beside a size that always works.
    const { outputSize } = this.geometry([height ?? ANY_SIZE, width ?? ANY_SIZE]);
    return [
      batch ?? null,
      height == null ? null : outputSize[0],
      width == null ? null : outputSize[1],
      this.filters,
    ];
  }

  private geometry(inputSize: number[]): ConvGeometry {
    return convGeometry({ inputSize, kernelSize: this.partition.kernelSize, ...this.options });
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Parameters<tf.layers.Layer["call"]>[1]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = (Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor4D;
      const y = gmrConv2d(x, this.ringWeights!.read() as tf.Tensor3D, {
        kernelSize: this.partition.kernelSize,
        circular: this.partition.circular,
        ...this.options,
        logSigmas: this.logSigmas?.read() as tf.Tensor1D | undefined,
        bias: this.bias?.read() as tf.Tensor1D | undefined,
      });
      if (this.activation === "relu") return y.relu();
      return this.activationLayer ? (this.activationLayer.apply(y) as tf.Tensor) : y;
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { strides, pad, padMode, dilations, groups, strategy } = this.options;
    return {
      ...super.getConfig(),
      filters: this.filters,
      kernelSize: [...this.partition.kernelSize],
      strides,
      padding: typeof pad === "object" ? [...pad] : pad,
      padMode,
      dilationRate: dilations,
      groups,
      numRings: this.partition.numRings,
      circular: this.partition.circular,
      mixture: this.mixture,
      trainSigma: this.trainSigma,
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

/** Gives prepared values to a weight. */
class ArrayInitializer extends tf.serialization.Serializable {
  /** @nocollapse */
  static readonly className = "ArrayInitializer";
  private readonly values: Float32Array;

  constructor(values: Float32Array) {
    super();
    this.values = values;
  }

  apply(shape: tf.Shape): tf.Tensor {
    return tf.tensor(this.values, shape as number[]);
  }

  fromConfigUsesCustomObjects(): boolean {
    return false;
  }

  getConfig(): tf.serialization.ConfigDict {
    return {};
  }
}

function ringInitializer(given: GmrConv2DArgs["kernelInitializer"]): RingInitializer | Initializer {
  if (isRingInitializer(given)) return given;
  return resolve<Initializer>("kernelInitializer", "initializer", given) ?? "kaimingNormal";
}

function isRingInitializer(given: unknown): given is RingInitializer {
  return typeof given === "string" && Object.hasOwn(RING_INITIALIZERS, given);
}

function oneShape(shape: tf.Shape | tf.Shape[]): tf.Shape {
  if (!Array.isArray(shape[0])) return shape as tf.Shape;
  if (shape.length === 1) return shape[0];
  throw new GmrError("invalid-shape", `expected one input, got ${describeValue(shape)}`);
}
