import {
  checkFits,
  checkKeys,
  checkNonNegativeInteger,
  checkPositiveInteger,
  describeValue,
  type KeysOf,
  oneOf,
  product,
} from "@gmr-conv/core";
import { type FoldableLayer, LAYER_KEYS, type LayerArgs, type UniqueName } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { checkOdd } from "../optionChecks.ts";
import { expandKernel, kernelSources } from "./expandKernel.ts";
import { channelsPerElement, checkGroup, groupElements, oneShape, type PlaneGroup } from "./groups.ts";

export interface GroupConv2DArgs extends LayerArgs {
  group: PlaneGroup;
  /** Output channels for each element of the group. */
  filters: number;
  /** Sides of the kernel; odd, so that a turn maps it to itself. */
  kernelSize: number;
  /** Whether the inputs are images, whose channels are not ordered by the group. Default false. */
  lifting?: boolean | undefined;
  /** Default `"same"`. */
  padding?: "same" | "valid" | undefined;
  /** Default true. */
  useBias?: boolean | undefined;
  /** Seed of the initial weights; default: different ones each time. */
  seed?: number | undefined;
}

const KEYS: KeysOf<GroupConv2DArgs> = {
  ...LAYER_KEYS,
  group: true,
  filters: true,
  kernelSize: true,
  lifting: true,
  padding: true,
  useBias: true,
  seed: true,
};

/**
 * A group convolution of stride 1 (Cohen & Welling 2016, arXiv 1602.07576): maps [N, H, W, |G|·C], or images [N, H, W,
 * C] if `lifting`, → [N, H', W', |G|·filters], channels ordered [element of the group, feature]. Computed as an
 * ordinary convolution with the expanded kernel, at the same cost.
 *
 * If the input is turned or mirrored by u, so are the maps, and element h of the output is what h was before: u⁻¹h.
 *
 * Weights: `kernel` [k, k, |G|·C, filters] (lifting: [k, k, C, filters]), whose element r meets the input's g = hr for
 * the output's h; `bias` [filters]. The initial kernel is normal with variance 2 / fan-out of the expanded kernel.
 *
 * @throws GmrError `invalid-argument` for a bad option, `invalid-shape` for inputs that do not fit
 */
export class GroupConv2D extends tf.layers.Layer implements FoldableLayer {
  /** @nocollapse */
  static readonly className = "GroupConv2D";

  readonly group: PlaneGroup;
  readonly filters: number;
  readonly kernelSize: number;
  readonly lifting: boolean;
  private readonly padding: "same" | "valid";
  private readonly useBias: boolean;
  private readonly seed: number | undefined;
  private readonly order: number;
  private readonly sources: Int32Array;
  private kernel?: tf.LayerVariable;
  private bias?: tf.LayerVariable;

  constructor(args: GroupConv2DArgs) {
    super(checkKeys("the options of GroupConv2D", args, KEYS));
    this.group = checkGroup(args.group);
    this.filters = checkPositiveInteger("filters", args.filters);
    this.kernelSize = checkOdd("kernelSize", args.kernelSize);
    this.lifting = args.lifting ?? false;
    this.padding = oneOf("padding", args.padding ?? "same", ["same", "valid"]);
    this.useBias = args.useBias ?? true;
    // null in a loaded model
    this.seed = args.seed == null ? undefined : checkNonNegativeInteger("seed", args.seed);
    this.order = groupElements(this.group).length;
    this.sources = kernelSources(this.group, this.kernelSize, this.lifting);
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const { kernelSize, filters, order, seed } = this;
    const inner = this.lifting ? 1 : order;
    const channels = inner * channelsPerElement(this, inputShape, { order: inner, rank: 4 });
    const initializer = tf.initializers.varianceScaling({
      scale: 2 / order, // the fan-out of the weights is that of the expanded kernel divided by the order
      mode: "fanOut",
      distribution: "normal",
      ...(seed === undefined ? {} : { seed }),
    });
    const shape = [kernelSize, kernelSize, channels, filters];
    checkFits(
      `layer ${this.name} with a kernel of ${describeValue(shape)}`,
      order * product(shape),
      "weights",
    );
    this.kernel = this.addWeight("kernel", shape, "float32", initializer);
    if (this.useBias) {
      this.bias = this.addWeight("bias", [filters], "float32", tf.initializers.zeros());
    }
    this.inputSpec = [new tf.InputSpec({ ndim: 4, axes: { 3: channels } })];
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch, ...sizes] = oneShape(inputShape);
    const lost = this.padding === "same" ? 0 : this.kernelSize - 1;
    const [height, width] = sizes.map((size) => (size == null ? null : size - lost));
    return [batch, height, width, this.order * this.filters];
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Parameters<tf.layers.Layer["call"]>[1]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = (Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor4D;
      const y = tf.conv2d(x, this.expandedKernel(), 1, this.padding);
      if (!this.bias) return y;
      return y.reshape([-1, this.filters]).add(this.bias.read()).reshape(y.shape);
    });
  }

  /** [k, k, |G|·C, |G|·filters]. Call it in `tf.tidy`. */
  private expandedKernel(): tf.Tensor4D {
    return expandKernel(this.kernel!.read() as tf.Tensor4D, this.sources, this.order);
  }

  /** The equivalent stock convolution. */
  foldToStock([x]: readonly tf.SymbolicTensor[], name: UniqueName): tf.SymbolicTensor {
    const { filters, order, kernelSize, padding, useBias, trainable } = this;
    const layer = tf.layers.conv2d({
      name: name(),
      filters: order * filters,
      kernelSize,
      padding,
      useBias,
      trainable,
    });
    layer.setFastWeightInitDuringBuild(true); // the initial values are overwritten
    const y = layer.apply(x) as tf.SymbolicTensor;
    tf.tidy(() => {
      const bias = this.bias?.read().tile([order]);
      layer.setWeights(bias ? [this.expandedKernel(), bias] : [this.expandedKernel()]);
    });
    return y;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      group: this.group,
      filters: this.filters,
      kernelSize: this.kernelSize,
      lifting: this.lifting,
      padding: this.padding,
      useBias: this.useBias,
      seed: this.seed ?? null,
    };
  }
}
