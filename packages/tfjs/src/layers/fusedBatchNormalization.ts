// Batch normalisation as a layer, with the fused training kernel.

import { checkFinite, checkKeys, describeValue, GmrError, type KeysOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkSlope } from "../batchNorm.ts";
import { batchNormInference } from "../batchNormInference.ts";
import { applyLayer, weightNamed } from "../graph/cloneLayer.ts";
import { NORM_WEIGHTS } from "../graph/merges.ts";
import type { UniqueName } from "../graph/rebuild.ts";
import type { SharedLayers } from "../graph/sharedLayers.ts";
import { stockRectifier } from "../graph/stockRectifier.ts";
import { batchNormOfProcesses } from "../syncBatchNorm.ts";
import type { FoldableLayer } from "./foldable.ts";
import { LAYER_KEYS, type LayerArgs } from "./layerKeys.ts";

export interface FusedBatchNormalizationArgs extends LayerArgs {
  /** Share of the old moving average kept at each step, in [0, 1]. Default 0.9 (PyTorch's momentum 0.1). */
  momentum?: number | undefined;
  /** Added to the variance. Default 1e-5. */
  epsilon?: number | undefined;
  /** Start with gamma = 0 instead of 1, so that a residual branch starts as the identity. Default false. */
  zeroGamma?: boolean | undefined;
  /** Set negative outputs to zero, in the same kernel. Default false. */
  relu?: boolean | undefined;
  /** Multiplies negative outputs, in the same kernel; in [0, 1]. Default 1 (none), with `relu` 0. */
  slope?: number | undefined;
}

const KEYS: KeysOf<FusedBatchNormalizationArgs> = {
  ...LAYER_KEYS,
  momentum: true,
  epsilon: true,
  zeroGamma: true,
  relu: true,
  slope: true,
};

/**
 * Batch normalisation over all axes but the last. Training uses the batch's statistics and updates the moving averages
 * (the variance unbiased, as PyTorch does); inference uses the moving averages. Weights: `gamma`, `beta`,
 * `moving_mean`, `moving_variance`, each [C], as in the stock layer.
 *
 * @throws GmrError `invalid-shape` when training on one value per channel, as PyTorch does: nothing could be learned
 */
export class FusedBatchNormalization extends tf.layers.Layer implements FoldableLayer {
  /** @nocollapse */
  static readonly className = "FusedBatchNormalization";

  private readonly momentum: number;
  private readonly epsilon: number;
  private readonly zeroGamma: boolean;
  private readonly slope: number;
  private gamma?: tf.LayerVariable;
  private beta?: tf.LayerVariable;
  private movingMean?: tf.LayerVariable;
  private movingVariance?: tf.LayerVariable;

  constructor(args: FusedBatchNormalizationArgs = {}) {
    super(checkKeys("the options of FusedBatchNormalization", args, KEYS));
    this.momentum = checkFinite("momentum", args.momentum ?? 0.9);
    this.epsilon = checkFinite("epsilon", args.epsilon ?? 1e-5);
    if (this.momentum < 0 || this.momentum > 1) {
      throw new GmrError("invalid-argument", `momentum must lie in [0, 1], got ${this.momentum}`);
    }
    if (this.epsilon <= 0)
      throw new GmrError("invalid-argument", `epsilon must be positive, got ${this.epsilon}`);
    this.zeroGamma = args.zeroGamma ?? false;
    const { relu = false } = args;
    this.slope = checkSlope(args.slope ?? (relu ? 0 : 1));
    if (relu && this.slope !== 0) {
      throw new GmrError("invalid-argument", `with relu, slope must be 0 or left out, got ${this.slope}`);
    }
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const shape = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as tf.Shape;
    const channels = shape[shape.length - 1];
    if (channels == null) {
      throw new GmrError(
        "invalid-shape",
        `layer ${this.name} needs a known number of channels, got ${describeValue(shape)}`,
      );
    }
    const weight = (name: string, value: number, trainable: boolean): tf.LayerVariable =>
      this.addWeight(name, [channels], "float32", tf.initializers.constant({ value }), undefined, trainable);
    this.gamma = weight("gamma", this.zeroGamma ? 0 : 1, true);
    this.beta = weight("beta", 0, true);
    this.movingMean = weight("moving_mean", 0, false);
    this.movingVariance = weight("moving_variance", 1, false);
    super.build(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: { training?: boolean }): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const gamma = this.gamma!.read() as tf.Tensor1D;
      const beta = this.beta!.read() as tf.Tensor1D;
      if (!kwargs.training) {
        const [mean, variance] = [this.movingMean!.read(), this.movingVariance!.read()];
        const attrs = { epsilon: this.epsilon, slope: this.slope };
        return batchNormInference({ x, mean, variance, gamma, beta }, attrs);
      }
      const { y, mean, variance, count } = batchNormOfProcesses(x, gamma, beta, this.epsilon, this.slope);
      if (count === 1) throw this.cannotLearn(x);
      if (count === 0) return y;
      this.move(this.movingMean!, mean, 1);
      this.move(this.movingVariance!, variance, count / (count - 1));
      return y;
    });
  }

  private cannotLearn({ shape }: tf.Tensor): GmrError {
    return new GmrError(
      "invalid-shape",
      `layer ${this.name} cannot train on one value per channel, got [${shape}]: its normalised value is always 0, ` +
        "so no earlier layer learns; use batches of more than one image, or larger images",
    );
  }

  private move(average: tf.LayerVariable, value: tf.Tensor, correction: number): void {
    tf.tidy(() => {
      const old = average.read();
      average.write(old.mul(this.momentum).add(value.mul((1 - this.momentum) * correction)));
    });
  }

  /** @throws GmrError `unsupported` for volumes of unknown size */
  foldToStock([x]: readonly tf.SymbolicTensor[], name: UniqueName, layers: SharedLayers): tf.SymbolicTensor {
    const { momentum, epsilon, trainable } = this;
    const rows = asRows(x, this.name, name);
    let y = layers.call(
      this,
      "norm",
      rows,
      () => tf.layers.batchNormalization({ name: name(), momentum, epsilon, trainable }),
      () => NORM_WEIGHTS.map((weight) => weightNamed(this, weight)!.read()),
    );
    if (rows !== x) {
      const targetShape = x.shape.slice(1);
      [y] = applyLayer(tf.layers.reshape({ targetShape, name: name(`${this.name}.maps`) }), [y]);
    }
    return stockRectifier(y, this.slope, this.name, name);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      momentum: this.momentum,
      epsilon: this.epsilon,
      zeroGamma: this.zeroGamma,
      relu: this.slope === 0,
      ...(this.slope > 0 && this.slope < 1 && { slope: this.slope }),
    };
  }
}

/** The stock layer takes up to four axes; more are merged. */
function asRows(input: tf.SymbolicTensor, owner: string, name: UniqueName): tf.SymbolicTensor {
  const [, ...sizes] = input.shape;
  if (sizes.length <= 3) return input;
  const channels = sizes.at(-1) as number;
  const positions = sizes.slice(0, -1).reduce<number | null>((a, b) => (a && b ? a * b : null), 1);
  if (positions === null) {
    throw new GmrError(
      "unsupported",
      `layer ${owner} needs inputs of known size to become a stock batch normalisation, got ` +
        `[${input.shape.map((n) => n ?? "null")}]`,
    );
  }
  const rows = tf.layers.reshape({ targetShape: [positions, channels], name: name(`${owner}.rows`) });
  return applyLayer(rows, [input])[0];
}
