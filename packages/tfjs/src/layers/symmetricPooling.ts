// Pooling that preserves turns and mirror images on maps of any size.
//
// Windows as large as the stride are symmetric where the stride divides the side. Elsewhere, with "same" padding, the
// windows must overhang both borders equally, so some must be one larger: side n and stride s leave r = n mod s, the
// windows of size p overhang by p - r in total, and that must be even. Every axis decides for itself.

import { checkKeys, checkPositiveInteger, describeValue, GmrError, type KeysOf, oneOf } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { applyLayer } from "../graph/cloneLayer.ts";
import type { UniqueName } from "../graph/rebuild.ts";
import type { FoldableLayer } from "./foldable.ts";
import { LAYER_KEYS, type LayerArgs } from "./layerKeys.ts";

export interface SymmetricPoolingArgs extends LayerArgs {
  /** Default `average`; positions outside the map are ignored by both. */
  pooling?: "average" | "max" | undefined;
  /** One number for each spatial axis, one to three. */
  strides: readonly number[];
}

const KEYS: KeysOf<SymmetricPoolingArgs> = { ...LAYER_KEYS, pooling: true, strides: true };

/** The size of windows that lie symmetrically on a side: the stride, or one more. */
export function symmetricWindow(side: number, stride: number): number {
  const rest = side % stride;
  return rest === 0 ? stride : stride + ((stride - rest) % 2);
}

/**
 * [N, ...spatial, C] → [N, ...⌈spatial / strides⌉, C]: averages or maxima whose windows fit the sides of each
 * input, so that the pooled map of a turned or mirrored input is the turned or mirrored pooled map.
 *
 * @throws GmrError `invalid-argument` for an invalid option, `invalid-shape` for inputs of another rank
 */
export class SymmetricPooling extends tf.layers.Layer implements FoldableLayer {
  /** @nocollapse */
  static readonly className = "SymmetricPooling";

  readonly pooling: "average" | "max";
  readonly strides: readonly number[];

  constructor(args: SymmetricPoolingArgs) {
    super(checkKeys("the options of SymmetricPooling", args, KEYS));
    const { pooling = "average", strides } = args;
    if (!Array.isArray(strides) || strides.length < 1 || strides.length > 3) {
      throw new GmrError(
        "invalid-argument",
        `strides must be a list of one to three numbers, one for each spatial axis, got ${describeValue(strides)}`,
      );
    }
    this.pooling = oneOf("pooling", pooling, ["average", "max"]);
    this.strides = strides.map((stride, i) => checkPositiveInteger(`strides[${i}]`, stride));
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const shape = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as tf.Shape;
    this.checkRank(shape);
    return shape.map((size, axis) => {
      const stride = this.strides[axis - 1];
      return size === null || stride === undefined ? size : Math.ceil(size / stride);
    });
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, {});
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      this.checkRank(x.shape);
      const [a, b, c] = this.strides;
      const [p, q, r] = this.strides.map((stride, i) => symmetricWindow(x.shape[i + 1], stride));
      const average = this.pooling === "average";
      if (this.strides.length === 3) {
        const pool = average ? tf.avgPool3d : tf.maxPool3d;
        return pool(x as tf.Tensor5D, [p, q, r], [a, b, c], "same");
      }
      const pool = average ? tf.avgPool : tf.maxPool;
      if (this.strides.length === 2) return pool(x as tf.Tensor4D, [p, q], [a, b], "same");
      return pool(x.expandDims<tf.Tensor4D>(2), [p, 1], [a, 1], "same").squeeze([2]);
    });
  }

  /**
   * The stock pooling layer for the sides of the input.
   * @throws GmrError `unsupported` for sides of unknown size
   */
  foldToStock([x]: readonly tf.SymbolicTensor[], name: UniqueName): tf.SymbolicTensor {
    if (needsCallTime(x.shape, this.strides)) {
      throw new GmrError(
        "unsupported",
        `layer ${this.name} needs inputs of known size to become a stock layer, since its windows depend on it, ` +
          `got ${describeValue(x.shape)}: build the model for images of one size`,
      );
    }
    return stockPool(x, this.pooling, this.strides, name());
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), pooling: this.pooling, strides: [...this.strides] };
  }

  private checkRank(shape: readonly (number | null)[]): void {
    if (shape.length === this.strides.length + 2) return;
    throw new GmrError(
      "invalid-shape",
      `layer ${this.name} needs inputs [N, ...${this.strides.length} spatial axes, C], got ${describeValue(shape)}`,
    );
  }
}

interface SymmetricPoolOptions extends Pick<SymmetricPoolingArgs, "pooling" | "strides"> {
  /** Of the layer. */
  name: string;
}

const POOL_KEYS: KeysOf<SymmetricPoolOptions> = { pooling: true, strides: true, name: true };

/**
 * Pools a map of a graph symmetrically: with a stock layer if its sides are known, else with {@link SymmetricPooling},
 * which must be registered.
 */
export function symmetricPool(x: tf.SymbolicTensor, options: SymmetricPoolOptions): tf.SymbolicTensor {
  const {
    pooling = "average",
    strides,
    name,
  } = checkKeys("the options of symmetricPool", options, POOL_KEYS);
  if (!needsCallTime(x.shape, strides)) return stockPool(x, pooling, strides, name);
  return applyLayer(new SymmetricPooling({ pooling, strides, name }), [x])[0];
}

const needsCallTime = (shape: tf.Shape, strides: readonly number[]): boolean =>
  strides.some((stride, i) => stride > 1 && shape[i + 1] === null);

function stockPool(
  x: tf.SymbolicTensor,
  pooling: "average" | "max",
  strides: readonly number[],
  name: string,
): tf.SymbolicTensor {
  const [a, b, c] = strides;
  // Where the stride is one, the size does not matter.
  const [p, q, r] = strides.map((stride, i) => symmetricWindow(x.shape[i + 1] ?? 0, stride));
  const args = { padding: "same", dataFormat: "channelsLast", name } as const;
  const average = pooling === "average";
  const { averagePooling1d, averagePooling2d, averagePooling3d, maxPooling1d, maxPooling2d, maxPooling3d } =
    tf.layers;
  const layer =
    strides.length === 1
      ? (average ? averagePooling1d : maxPooling1d)({ padding: "same", name, poolSize: p, strides: a })
      : strides.length === 2
        ? (average ? averagePooling2d : maxPooling2d)({ ...args, poolSize: [p, q], strides: [a, b] })
        : (average ? averagePooling3d : maxPooling3d)({ ...args, poolSize: [p, q, r], strides: [a, b, c] });
  return applyLayer(layer, [x])[0];
}
