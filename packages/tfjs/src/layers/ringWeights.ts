// The trained weights of a layer's rings: names, initialisation and change of basis.

import {
  kaimingNormalFanOut,
  kaimingNormalRingMean,
  kaimingUniformFanIn,
  Random,
  type RingPartition,
  whiteNormal,
} from "@gmr-conv/core";
import { changeBasis, type RingBasis, type WhiteBasis } from "@gmr-conv/core/bases";
import * as tf from "@tensorflow/tfjs";
import { type Given, type Initializer, resolve } from "./stock.ts";

/**
 * Initialisation of ring weights.
 * - `white`: independent in white coordinates, see {@link RingBasis}.
 * - `kaimingNormal`: as in the official networks (fan-out of the folded kernel).
 * - `kaimingUniform`: as in the official layer by itself (fan-in of the folded kernel).
 * - `ringMean`: like `kaimingNormal`, scaled so that all rings contribute equally, which makes training start much
 *   faster.
 */
export type RingInitializer = "white" | "kaimingNormal" | "kaimingUniform" | "ringMean";

/** Name of the trained weights in each basis, so that none are mistaken for those of another. */
export const WEIGHT_NAMES: Readonly<Record<RingBasis, string>> = {
  white: "white_weights",
  halfWhite: "half_white_weights",
  rings: "ring_weights",
};

/** Whether this is the name of a layer's ring weights, in any basis. */
export function isRingWeights(name: string): boolean {
  return Object.values(WEIGHT_NAMES).includes(name);
}

/** Initial ring weights; `white` draws coordinates instead. */
const RING_INITIALIZERS = {
  kaimingNormal: kaimingNormalFanOut,
  kaimingUniform: kaimingUniformFanIn,
  ringMean: kaimingNormalRingMean,
};

/** What the initial weights of a layer depend on. */
export interface RingWeightsSetup {
  partition: RingPartition;
  /** Absent if ring weights themselves are trained. */
  white: WhiteBasis | undefined;
  groups: number;
  seed: number | undefined;
}

/** The initialiser of weights [R, inner/groups, outer]. */
export function weightInitializer(
  initializer: RingInitializer | Initializer,
  { partition, white, groups, seed }: RingWeightsSetup,
  inner: number,
  outer: number,
): Initializer {
  if (typeof initializer !== "string") return white ? new InBasis(initializer, white.inverse) : initializer;
  return new ArrayInitializer(() => {
    const random = new Random(seed ?? Math.floor(Math.random() * 2 ** 32));
    if (initializer === "white") {
      const { gain } = white as WhiteBasis;
      return whiteNormal(partition, inner, outer, groups, random, gain);
    }
    const weights = RING_INITIALIZERS[initializer](partition, inner, outer, groups, random);
    return white ? changeBasis(white.inverse, weights) : weights;
  });
}

/** Assigns given values to a weight; they are computed when the weight is made. */
export class ArrayInitializer extends tf.serialization.Serializable {
  /** @nocollapse */
  static readonly className = "ArrayInitializer";
  private readonly values: () => ArrayLike<number>;

  constructor(values: () => ArrayLike<number>) {
    super();
    this.values = values;
  }

  apply(shape: tf.Shape): tf.Tensor {
    return tf.tensor(Float32Array.from(this.values()), shape as number[]);
  }

  fromConfigUsesCustomObjects(): boolean {
    return false;
  }

  getConfig(): tf.serialization.ConfigDict {
    return {};
  }
}

/** Initialises a weight with what another initialiser draws, in another basis. */
class InBasis extends tf.serialization.Serializable {
  /** @nocollapse */
  static readonly className = "InBasis";
  private readonly initializer: Initializer;
  private readonly matrix: Float64Array;

  constructor(initializer: Initializer, matrix: Float64Array) {
    super();
    this.initializer = initializer;
    this.matrix = matrix;
  }

  apply(shape: tf.Shape): tf.Tensor {
    return tf.tidy(() => changed(this.matrix, this.initializer.apply(shape) as tf.Tensor3D));
  }

  fromConfigUsesCustomObjects(): boolean {
    return false;
  }

  getConfig(): tf.serialization.ConfigDict {
    return {};
  }
}

export function ringInitializer(given: RingInitializer | Given<Initializer>): RingInitializer | Initializer {
  if (isRingInitializer(given)) return given;
  return resolve<Initializer>("kernelInitializer", "initializer", given) as Initializer;
}

function isRingInitializer(given: unknown): given is RingInitializer {
  return given === "white" || (typeof given === "string" && Object.hasOwn(RING_INITIALIZERS, given));
}

/** A change of basis, [R, R], of weights [R, inner, outer]. */
export function changed(matrix: Float64Array, weights: tf.Tensor3D): tf.Tensor3D {
  const [rings, inner, outer] = weights.shape;
  return tf.tidy(() =>
    tf
      .matMul(
        tf.tensor2d(Float32Array.from(matrix), [rings, rings]),
        weights.reshape<tf.Tensor2D>([rings, inner * outer]),
      )
      .reshape<tf.Tensor3D>([rings, inner, outer]),
  );
}
