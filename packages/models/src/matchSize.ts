// Resizing a decoder's map to the size of the encoder's.

import { checkKeys, describeValue, GmrError, type KeysOf } from "@gmr-conv/core";
import {
  type FoldableLayer,
  LAYER_KEYS,
  type LayerArgs,
  multiplyAxis,
  type UniqueName,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

/**
 * - `linear`: linear interpolation with aligned corners, which turns with the image.
 * - `replicate`: repeats the last row and column where one is missing, as in the official networks.
 * - `double`: doubles the sizes by linear interpolation, then as `replicate`; the official networks without trained
 *   upsampling.
 */
type MatchMode = "linear" | "replicate" | "double";

interface MatchSizeArgs extends LayerArgs {
  mode: MatchMode;
}

const KEYS: KeysOf<MatchSizeArgs> = { ...LAYER_KEYS, mode: true };

/** [x [N, ...sizes, C], like [N, ...other sizes, D]] → x with the sizes of `like`. */
export class MatchSize extends tf.layers.Layer implements FoldableLayer {
  /** @nocollapse */
  static readonly className = "MatchSize";
  private readonly mode: MatchMode;

  constructor(args: MatchSizeArgs) {
    super(checkKeys("the options of MatchSize", args, KEYS));
    this.mode = args.mode;
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [x, like] = inputShape as tf.Shape[];
    return [x[0], ...like.slice(1, -1), x[x.length - 1]];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, {});
      const [x, like] = inputs as tf.Tensor[];
      const sizes = like.shape.slice(1, -1);
      if (this.mode === "linear") return resizeLinear(x, sizes);
      return repeatLast(this.mode === "double" ? resizeLinear(x, doubled(x)) : x, sizes);
    });
  }

  /** A matrix product along each axis. @throws GmrError `unsupported` for inputs of unknown size */
  foldToStock([x, like]: readonly tf.SymbolicTensor[], name: UniqueName): tf.SymbolicTensor {
    const sizes = [...x.shape.slice(1, -1), ...like.shape.slice(1, -1)];
    if (sizes.includes(null)) {
      throw new GmrError(
        "unsupported",
        `layer ${this.name} needs inputs of known size to become stock layers, got ${describeValue(x.shape)}`,
      );
    }
    let y = x;
    for (let axis = 1; axis < x.shape.length - 1; axis++) {
      const [from, to] = [x.shape[axis] as number, like.shape[axis] as number];
      if (from === to) continue;
      const matrix = MATRICES[this.mode](from, to);
      y = multiplyAxis(y, axis, matrix, this.name, name);
    }
    return y;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), mode: this.mode };
  }
}

/** Resizes x [N, H, W, C] or [N, D, H, W, C] by linear interpolation with aligned corners. */
function resizeLinear(x: tf.Tensor, sizes: readonly number[]): tf.Tensor {
  const resize = (images: tf.Tensor, size: [number, number]) =>
    tf.image.resizeBilinear(images as tf.Tensor4D, size, true);
  if (sizes.length === 2) return resize(x, [sizes[0], sizes[1]]);
  const [n, d, h, w, c] = x.shape;
  const [depth, height, width] = sizes;
  const slices = resize(x.reshape([n * d, h, w, c]), [height, width]);
  const volumes = resize(slices.reshape([n, d, height * width, c]), [depth, height * width]);
  return volumes.reshape([n, depth, height, width, c]);
}

function repeatLast(x: tf.Tensor, sizes: readonly number[]): tf.Tensor {
  let y = x;
  sizes.forEach((size, i) => {
    const axis = i + 1;
    while (y.shape[axis] < size) y = tf.concat([y, lastOf(y, axis)], axis);
  });
  return y;
}

function lastOf(x: tf.Tensor, axis: number): tf.Tensor {
  const begin = x.shape.map((size, a) => (a === axis ? size - 1 : 0));
  return x.slice(
    begin,
    x.shape.map((size, a) => (a === axis ? 1 : size)),
  );
}

/** [from, to]: position j of the result lies at j · (from - 1)/(to - 1) of the original. */
function linearMatrix(from: number, to: number): Float32Array {
  const matrix = new Float32Array(from * to);
  for (let j = 0; j < to; j++) {
    const position = to > 1 ? (j * (from - 1)) / (to - 1) : 0;
    const i = Math.min(Math.floor(position), from - 1);
    matrix[i * to + j] += 1 - (position - i);
    if (i + 1 < from) matrix[(i + 1) * to + j] += position - i;
  }
  return matrix;
}

function repeatMatrix(from: number, to: number): Float32Array {
  const matrix = new Float32Array(from * to);
  for (let j = 0; j < to; j++) matrix[Math.min(j, from - 1) * to + j] = 1;
  return matrix;
}

/** [from, to]: linear interpolation to twice the size; the last position is repeated if `to` is larger. */
function doubleMatrix(from: number, to: number): Float32Array {
  const twice = linearMatrix(from, 2 * from);
  const matrix = new Float32Array(from * to);
  for (let i = 0; i < from; i++) {
    for (let j = 0; j < to; j++) matrix[i * to + j] = twice[i * 2 * from + Math.min(j, 2 * from - 1)];
  }
  return matrix;
}

const MATRICES = { linear: linearMatrix, replicate: repeatMatrix, double: doubleMatrix };

const doubled = (x: tf.Tensor): number[] => x.shape.slice(1, -1).map((size) => 2 * size);
