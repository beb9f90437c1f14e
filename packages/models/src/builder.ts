// The building blocks of this package's networks, for images and volumes alike.

import { checkFits, describeValue, type PerAxis, perAxis, product, Random } from "@gmr-conv/core";
import type { RingBasis } from "@gmr-conv/core/bases";
import {
  addThenRelu,
  fusedBatchNormalization,
  type GmrConvArgs,
  gmrConv2dLayer,
  gmrConv3dLayer,
  type RingInitializer,
  symmetricPool,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { DiscFieldOfView } from "./fieldOfView.ts";
import type { ConvKind, FieldOfView, OddSides, Pooling } from "./networkOptions.ts";
import { registerModelLayers } from "./register.ts";

export type Symbolic = tf.SymbolicTensor;

/** Settings shared by all parts of a network. */
interface BuilderSettings {
  rank: 2 | 3;
  kind: ConvKind;
  ringBasis: RingBasis;
  kernelInitializer: RingInitializer;
  decaySigma: boolean;
  seed: number | undefined;
  pooling: Pooling;
  oddSides: OddSides;
  fieldOfView: FieldOfView;
  /**
   * Initial weights of ordinary convolutions: as in the official ResNets (normal, by the fan-out), or PyTorch's default
   * (uniform in ±1/√fan, by the fan-in).
   */
  denseStart?: "kaimingNormal" | "pytorch";
}

type Initializer = ReturnType<typeof tf.initializers.zeros>;
type DenseInitializers = { kernelInitializer: Initializer; biasInitializer?: Initializer };

export type ConvOptions = Pick<
  GmrConvArgs,
  "numRings" | "circular" | "mixture" | "useBias" | "biasInitializer" | "dilationRate"
>;

/** Adds layers to a graph; every weight is drawn from one seeded stream, in order of construction. */
export class Builder {
  private readonly settings: BuilderSettings;
  private readonly random: Random | undefined;

  constructor(settings: BuilderSettings) {
    registerModelLayers();
    this.settings = settings;
    this.random = settings.seed === undefined ? undefined : new Random(settings.seed);
  }

  /** The next seed of the stream; undefined for weights that differ each time. */
  seed(): number | undefined {
    return this.random?.int(2 ** 31);
  }

  /** Restricts a map to the field of view. */
  view(name: string, x: Symbolic): Symbolic {
    if (this.settings.fieldOfView === "square") return x;
    return new DiscFieldOfView({ name: `${name}.view` }).apply(x) as Symbolic;
  }

  /** A convolution of the network's kind that keeps spatial sizes. */
  conv(name: string, x: Symbolic, filters: number, kernelSize: PerAxis, options: ConvOptions = {}): Symbolic {
    const { kind, rank, ringBasis, kernelInitializer, decaySigma } = this.settings;
    if (kind === "dense") return this.denseConv(name, x, filters, kernelSize, options);
    const factory = rank === 3 ? gmrConv3dLayer : gmrConv2dLayer;
    const layer = factory({
      useBias: false,
      ...options,
      name,
      filters,
      kernelSize,
      padding: "same",
      ringBasis,
      kernelInitializer,
      decaySigma,
      seed: this.seed(),
    });
    return layer.apply(x) as Symbolic;
  }

  /** An ordinary convolution that keeps spatial sizes. */
  denseConv(
    name: string,
    x: Symbolic,
    filters: number,
    kernelSize: PerAxis,
    { useBias = false, dilationRate = 1 }: ConvOptions = {},
  ): Symbolic {
    const size = typeof kernelSize === "number" ? kernelSize : [...kernelSize];
    const fan = fanIn(x, kernelSize, this.settings.rank);
    checkFits(
      `layer ${name} with filters ${filters} and inputs of ${describeValue(x.shape)}`,
      fan * filters,
      "weights",
    );
    const layer = (this.settings.rank === 3 ? tf.layers.conv3d : tf.layers.conv2d)({
      name,
      filters,
      kernelSize: size as number,
      padding: "same",
      useBias,
      dilationRate: dilationRate as number,
      ...this.denseInitializers(fan, useBias),
    });
    return layer.apply(x) as Symbolic;
  }

  private denseInitializers(fan: number, useBias: boolean): DenseInitializers {
    if (this.settings.denseStart === "pytorch") {
      const kernelInitializer = this.uniform(fan);
      return { kernelInitializer, ...(useBias && { biasInitializer: this.uniform(fan) }) };
    }
    const kernelInitializer = tf.initializers.varianceScaling({
      scale: 2,
      mode: "fanOut",
      distribution: "normal",
      ...this.seeded(),
    });
    return { kernelInitializer };
  }

  /** Uniform in ±1/√fan, PyTorch's default. */
  uniform(fan: number): Initializer {
    const bound = 1 / Math.sqrt(fan);
    return tf.initializers.randomUniform({ minval: -bound, maxval: bound, ...this.seeded() });
  }

  private seeded(): { seed?: number } {
    const seed = this.seed();
    return seed === undefined ? {} : { seed };
  }

  norm(name: string, x: Symbolic, zeroGamma = false): Symbolic {
    return fusedBatchNormalization({ name, zeroGamma }).apply(x) as Symbolic;
  }

  normRelu(name: string, x: Symbolic): Symbolic {
    return this.view(name, fusedBatchNormalization({ name, relu: true }).apply(x) as Symbolic);
  }

  addRelu(name: string, a: Symbolic, b: Symbolic): Symbolic {
    return this.view(name, addThenRelu({ name }).apply([a, b]) as Symbolic);
  }

  /** Halves the sides of x, by averaging unless told otherwise. */
  pool(name: string, x: Symbolic, pooling: "average" | "max" = "average"): Symbolic {
    const { pooling: kind, oddSides, rank } = this.settings;
    const blur = pooling === "average" && kind === "blur";
    const blurred = blur ? this.stockPool(`${name}.blur`, x, "average", 3, 1, "same") : x;
    if (oddSides === "floor") return this.stockPool(name, blurred, pooling, 2, 2, "valid");
    return symmetricPool(blurred, { name, pooling, strides: new Array<number>(rank).fill(2) });
  }

  private stockPool(
    name: string,
    x: Symbolic,
    pooling: "average" | "max",
    size: number,
    stride: number,
    padding: "same" | "valid",
  ): Symbolic {
    const average = pooling === "average";
    const args = { name, padding, dataFormat: "channelsLast" } as const;
    const poolSize: [number, number, number] = [size, size, size];
    const strides: [number, number, number] = [stride, stride, stride];
    const layer =
      this.settings.rank === 3
        ? (average ? tf.layers.averagePooling3d : tf.layers.maxPooling3d)({ ...args, poolSize, strides })
        : (average ? tf.layers.averagePooling2d : tf.layers.maxPooling2d)({
            ...args,
            poolSize: size,
            strides: stride,
          });
    return layer.apply(x) as Symbolic;
  }

  /** [N, ...spatial, C] → [N, C]. */
  globalPool(x: Symbolic, pooling: "average" | "max"): Symbolic {
    const name = "global_pool";
    if (this.settings.rank === 2) {
      const layer = pooling === "max" ? tf.layers.globalMaxPooling2d : tf.layers.globalAveragePooling2d;
      return layer({ name, dataFormat: "channelsLast" }).apply(x) as Symbolic;
    }
    // There are no stock layers for volumes, so their positions are flattened to one axis.
    const channels = x.shape[x.shape.length - 1] ?? 0;
    const flat = tf.layers.reshape({ name: `${name}.flat`, targetShape: [-1, channels] }).apply(x);
    const layer = pooling === "max" ? tf.layers.globalMaxPooling1d : tf.layers.globalAveragePooling1d;
    return layer({ name }).apply(flat) as Symbolic;
  }

  /** The classifier, initialised like PyTorch's linear layers: uniform in ±1/√inputs. */
  classifier(name: string, features: Symbolic, classes: number): Symbolic {
    const fan = features.shape[1] ?? 1;
    const layer = tf.layers.dense({
      name,
      units: classes,
      kernelInitializer: this.uniform(fan),
      biasInitializer: this.uniform(fan),
    });
    return layer.apply(features) as Symbolic;
  }
}

/** Number of terms in each output of a convolution. */
function fanIn(x: Symbolic, kernelSize: PerAxis, rank: number): number {
  return product(perAxis("kernelSize", kernelSize, rank)) * (x.shape[x.shape.length - 1] ?? 1);
}
