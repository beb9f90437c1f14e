import { checkFinite, checkKeys, describeValue, GmrError, type KeysOf, product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkSlope } from "../batchNorm.ts";
import type { UniqueName } from "../graph/rebuild.ts";
import { stockRectifier } from "../graph/stockRectifier.ts";
import { instanceNorm } from "../instanceNorm.ts";
import type { FoldableLayer } from "./foldable.ts";
import { LAYER_KEYS, type LayerArgs } from "./layerKeys.ts";

export interface InstanceNormalizationArgs extends LayerArgs {
  /** Added to the variance. Default 1e-5. */
  epsilon?: number | undefined;
  /** Multiplies negative outputs, in the same kernel; in [0, 1], where 0 is a rectifier. Default 1: none. */
  slope?: number | undefined;
}

const KEYS: KeysOf<InstanceNormalizationArgs> = { ...LAYER_KEYS, epsilon: true, slope: true };

/**
 * Instance normalisation as a layer, [N, ...spatial, C] → the same, in training and inference alike. Weights:
 * `gamma`, `beta`, each [C].
 *
 * @throws GmrError `invalid-shape` for maps of one position, as PyTorch does: the output would always be beta
 */
export class InstanceNormalization extends tf.layers.Layer implements FoldableLayer {
  /** @nocollapse */
  static readonly className = "InstanceNormalization";

  readonly epsilon: number;
  readonly slope: number;
  private gamma?: tf.LayerVariable;
  private beta?: tf.LayerVariable;

  constructor(args: InstanceNormalizationArgs = {}) {
    super(checkKeys("the options of InstanceNormalization", args, KEYS));
    this.epsilon = checkFinite("epsilon", args.epsilon ?? 1e-5);
    if (this.epsilon <= 0)
      throw new GmrError("invalid-argument", `epsilon must be positive, got ${this.epsilon}`);
    this.slope = checkSlope(args.slope ?? 1);
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const shape = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as tf.Shape;
    const channels = shape[shape.length - 1];
    if (channels == null || shape.length < 3) {
      throw new GmrError(
        "invalid-shape",
        `layer ${this.name} needs inputs [N, ...spatial, C] with C known, got ${describeValue(shape)}`,
      );
    }
    this.checkPositions(shape);
    this.gamma = this.addWeight("gamma", [channels], "float32", tf.initializers.ones());
    this.beta = this.addWeight("beta", [channels], "float32", tf.initializers.zeros());
    super.build(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Parameters<tf.layers.Layer["call"]>[1]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      this.checkPositions(x.shape);
      const [gamma, beta] = [this.gamma!, this.beta!].map((weight) => weight.read() as tf.Tensor1D);
      return instanceNorm(x, gamma, beta, this.epsilon, this.slope);
    });
  }

  private checkPositions(shape: tf.Shape): void {
    if (shape.slice(1, -1).some((size) => size !== 1)) return;
    throw new GmrError(
      "invalid-shape",
      `layer ${this.name} cannot normalise maps of one position, got ${describeValue(shape)}: the output is always ` +
        "beta, so no earlier layer learns; use larger images or fewer levels",
    );
  }

  /**
   * The same in stock layers: a layer normalisation over all positions, merged into one axis, then scale and offset as
   * a depthwise 1×1 convolution, then the rectifier, if any.
   * @throws GmrError `unsupported` for inputs of unknown size
   */
  foldToStock([x]: readonly tf.SymbolicTensor[], name: UniqueName): tf.SymbolicTensor {
    const sizes = x.shape.slice(1) as number[];
    if (sizes.includes(null as never)) {
      throw new GmrError(
        "unsupported",
        `layer ${this.name} needs inputs of known size to become stock layers, got ${describeValue(x.shape)}`,
      );
    }
    const channels = sizes[sizes.length - 1];
    const positions = product(sizes.slice(0, -1));
    const affine = tf.layers.depthwiseConv2d({ name: name(), kernelSize: 1 });
    const layers = [
      tf.layers.reshape({ name: name(`${this.name}.positions`), targetShape: [positions, 1, channels] }),
      tf.layers.layerNormalization({
        name: name(`${this.name}.normalise`),
        axis: [1, 2],
        epsilon: this.epsilon,
        center: false,
        scale: false,
      }),
      affine,
      tf.layers.reshape({ name: name(`${this.name}.maps`), targetShape: sizes }),
    ];
    const y = layers.reduce((input, layer) => layer.apply(input) as tf.SymbolicTensor, x);
    tf.tidy(() => {
      affine.setWeights([this.gamma!.read().reshape([1, 1, channels, 1]), this.beta!.read()]);
    });
    return stockRectifier(y, this.slope, this.name, name);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), epsilon: this.epsilon, slope: this.slope };
  }
}
