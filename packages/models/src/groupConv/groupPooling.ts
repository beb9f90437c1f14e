import { checkKeys, describeValue, GmrError, type KeysOf, oneOf, product } from "@gmr-conv/core";
import { type FoldableLayer, LAYER_KEYS, type LayerArgs, type UniqueName } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import type { GlobalPooling } from "../networkOptions.ts";
import { channelsPerElement, checkGroup, groupElements, oneShape, type PlaneGroup } from "./groups.ts";

export interface GroupPoolingArgs extends LayerArgs {
  group: PlaneGroup;
  /** Default `average`. */
  pooling?: GlobalPooling | undefined;
}

const KEYS: KeysOf<GroupPoolingArgs> = { ...LAYER_KEYS, group: true, pooling: true };

/**
 * [N, ..., |G|·F] → [N, ..., F]: the average or maximum over the elements of the group. Turning the input turns the
 * pooled maps, and changes nothing else.
 *
 * @throws GmrError `invalid-argument` for a bad option, `invalid-shape` for inputs that do not fit
 */
export class GroupPooling extends tf.layers.Layer implements FoldableLayer {
  /** @nocollapse */
  static readonly className = "GroupPooling";

  readonly group: PlaneGroup;
  readonly pooling: GlobalPooling;
  private readonly order: number;

  constructor(args: GroupPoolingArgs) {
    super(checkKeys("the options of GroupPooling", args, KEYS));
    this.group = checkGroup(args.group);
    this.pooling = oneOf("pooling", args.pooling ?? "average", ["average", "max"]);
    this.order = groupElements(this.group).length;
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const features = channelsPerElement(this, inputShape, { order: this.order });
    return [...oneShape(inputShape).slice(0, -1), features];
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Parameters<tf.layers.Layer["call"]>[1]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const shape = this.computeOutputShape(x.shape) as number[];
      const rows = x.reshape([-1, this.order, shape[shape.length - 1]]);
      return (this.pooling === "max" ? rows.max(1) : rows.mean(1)).reshape(shape);
    });
  }

  /**
   * The same in stock layers: pooling over the second axis of [positions, |G|, F].
   * @throws GmrError `unsupported` for inputs of unknown size
   */
  foldToStock([x]: readonly tf.SymbolicTensor[], name: UniqueName): tf.SymbolicTensor {
    const shape = this.computeOutputShape(x.shape);
    const sizes = shape.slice(1, -1);
    const features = shape[shape.length - 1];
    if (sizes.some((size) => size == null)) {
      throw new GmrError(
        "unsupported",
        `layer ${this.name} needs inputs of known size to become stock layers, got ${describeValue(x.shape)}`,
      );
    }
    const positions = product(sizes.map((size) => size ?? 1));
    const window: [number, number] = [1, this.order];
    const args = { poolSize: window, strides: window, name: name() };
    const layers = [
      tf.layers.reshape({
        targetShape: [positions, this.order, features],
        name: name(`${this.name}.elements`),
      }),
      this.pooling === "max" ? tf.layers.maxPooling2d(args) : tf.layers.averagePooling2d(args),
      tf.layers.reshape({ targetShape: shape.slice(1), name: name(`${this.name}.features`) }),
    ];
    return layers.reduce((input, layer) => layer.apply(input) as tf.SymbolicTensor, x);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), group: this.group, pooling: this.pooling };
  }
}
