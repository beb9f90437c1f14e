import { checkKeys, type KeysOf } from "@gmr-conv/core";
import {
  type FoldableLayer,
  FusedBatchNormalization,
  type FusedBatchNormalizationArgs,
  LAYER_KEYS,
  type UniqueName,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { channelsPerElement, checkGroup, groupElements, oneShape, type PlaneGroup } from "./groups.ts";

export interface GroupBatchNormalizationArgs extends Omit<FusedBatchNormalizationArgs, "slope"> {
  group: PlaneGroup;
}

const KEYS: KeysOf<GroupBatchNormalizationArgs> = {
  ...LAYER_KEYS,
  group: true,
  momentum: true,
  epsilon: true,
  zeroGamma: true,
  relu: true,
};

/**
 * Batch normalisation of [N, ..., |G|·F] whose statistics, gamma and beta are shared by the elements of the group, so
 * that turning the input does not change them. Options and weights ([F] each) are those of `FusedBatchNormalization`.
 *
 * @throws GmrError `invalid-argument` for a bad option, `invalid-shape` for inputs that do not fit
 */
export class GroupBatchNormalization extends tf.layers.Layer implements FoldableLayer {
  /** @nocollapse */
  static readonly className = "GroupBatchNormalization";

  readonly group: PlaneGroup;
  private readonly order: number;
  /** Normalises [rows, F]; its weights are this layer's. */
  private readonly norm: FusedBatchNormalization;

  constructor(args: GroupBatchNormalizationArgs) {
    super(checkKeys("the options of GroupBatchNormalization", args, KEYS));
    this.group = checkGroup(args.group);
    this.order = groupElements(this.group).length;
    const { momentum, epsilon, zeroGamma, relu } = args;
    this.norm = new FusedBatchNormalization({ momentum, epsilon, zeroGamma, relu });
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const features = channelsPerElement(this, inputShape, { order: this.order });
    this.norm.build([null, features]);
    this.trainableWeights = this.norm.trainableWeights;
    this.nonTrainableWeights = this.norm.nonTrainableWeights;
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    return oneShape(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: { training?: boolean }): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const features = x.shape[x.rank - 1] / this.order;
      return this.norm.call(x.reshape([-1, features]), kwargs).reshape(x.shape);
    });
  }

  /** The same as a stock normalisation, its weights repeated for each element, and a rectifier. */
  foldToStock([x]: readonly tf.SymbolicTensor[], name: UniqueName): tf.SymbolicTensor {
    const { momentum, epsilon, relu } = this.norm.getConfig() as Record<string, number | boolean>;
    const layer = tf.layers.batchNormalization({
      name: name(),
      momentum: momentum as number,
      epsilon: epsilon as number,
      trainable: this.trainable,
    });
    const y = layer.apply(x) as tf.SymbolicTensor;
    tf.tidy(() => {
      layer.setWeights(this.norm.getWeights().map((weight) => weight.tile([this.order])));
    });
    if (!relu) return y;
    const rectifier = tf.layers.activation({ activation: "relu", name: name(`${this.name}.relu`) });
    return rectifier.apply(y) as tf.SymbolicTensor;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...this.norm.getConfig(), ...super.getConfig(), group: this.group };
  }
}
