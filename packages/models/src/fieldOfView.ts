// A disc as field of view. The border of a square feature map looks different to a pattern turned by 45°. With
// features set to zero outside the inscribed disc, the border is the same at every angle.

import { checkFits, checkKeys, checkPositiveInteger, describeValue, GmrError } from "@gmr-conv/core";
import {
  type FoldableLayer,
  LAYER_KEYS,
  type LayerArgs,
  scalePositions,
  type UniqueName,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

/**
 * How much of each position of a map lies in its inscribed disc, from 0 to 1, [height, width] row-major. The edge falls
 * from one to zero over one position, so it follows the circle smoothly.
 * @throws GmrError `invalid-argument` for sizes that are not positive integers or too large
 */
function discMask(height: number, width: number): Float32Array {
  const positions = checkPositiveInteger("height", height) * checkPositiveInteger("width", width);
  checkFits(`a disc of ${height} × ${width}`, positions, "positions");
  const radius = Math.min(height, width) / 2;
  return Float32Array.from({ length: positions }, (_, i) => {
    const y = Math.floor(i / width) - (height - 1) / 2;
    const x = (i % width) - (width - 1) / 2;
    return Math.min(1, Math.max(0, radius - Math.hypot(x, y) + 0.5));
  });
}

/** [N, H, W, C] → the same, times `discMask`. */
export class DiscFieldOfView extends tf.layers.Layer implements FoldableLayer {
  /** @nocollapse */
  static readonly className = "DiscFieldOfView";

  constructor(args: LayerArgs = {}) {
    super(checkKeys("the options of DiscFieldOfView", args, LAYER_KEYS));
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, {});
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const [, height, width] = x.shape;
      if (x.rank !== 4) {
        throw new GmrError(
          "invalid-shape",
          `DiscFieldOfView needs [N, H, W, C], got ${describeValue(x.shape)}`,
        );
      }
      return scalePositions(x, discMask(height, width));
    });
  }

  /**
   * The same in stock layers: with positions as the last axis, a batch normalisation with mean 0, variance 1 and the
   * mask as scale.
   * @throws GmrError `unsupported` for inputs of unknown size
   */
  foldToStock([x]: readonly tf.SymbolicTensor[], name: UniqueName): tf.SymbolicTensor {
    const [, height, width, channels] = x.shape;
    if (height == null || width == null) {
      throw new GmrError(
        "unsupported",
        `layer ${this.name} needs inputs of known size to become stock layers, got ${describeValue(x.shape)}`,
      );
    }
    const positions = height * width;
    const epsilon = 2 ** -10; // so that 1 - ε, and its sum with ε, are exact
    const norm = tf.layers.batchNormalization({ name: name(), epsilon, center: false, trainable: false });
    const layers = [
      tf.layers.permute({ dims: [3, 1, 2], name: name(`${this.name}.channels_first`) }),
      tf.layers.reshape({ targetShape: [channels, positions], name: name(`${this.name}.positions`) }),
      norm,
      tf.layers.reshape({ targetShape: [channels, height, width], name: name(`${this.name}.maps`) }),
      tf.layers.permute({ dims: [2, 3, 1], name: name(`${this.name}.channels_last`) }),
    ];
    const y = layers.reduce((input, layer) => layer.apply(input) as tf.SymbolicTensor, x);
    tf.tidy(() => {
      norm.setWeights([
        tf.tensor1d(discMask(height, width)),
        tf.zeros([positions]),
        tf.fill([positions], 1 - epsilon),
      ]);
    });
    return y;
  }
}
