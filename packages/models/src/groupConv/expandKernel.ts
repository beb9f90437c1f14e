// A group convolution as an ordinary one: its dense kernel consists of turned and mirrored copies of the weights.
//
// With features x_g for the elements g of the group, y_h = Σ_g x_g ⋆ T_h w_{h⁻¹g}, where T_h turns a kernel
// (Cohen & Welling 2016, section 6.1). Turning the input by u turns the maps and moves y_{u⁻¹h} to h.

import { composeSymmetries, inverseSymmetry, transformImage } from "@gmr-conv/core/equivariance";
import * as tf from "@tensorflow/tfjs";
import { groupElements, type PlaneGroup } from "./groups.ts";

/**
 * Where each part of a dense kernel comes from: for [element h of the output, position, element g of the input],
 * flattened, the index into the weights' [position, element]. A lifting convolution has a single g.
 */
export function kernelSources(group: PlaneGroup, kernelSize: number, lifting: boolean): Int32Array {
  const elements = groupElements(group);
  const inner = lifting ? elements.slice(0, 1) : elements;
  const positions = Array.from({ length: kernelSize * kernelSize }, (_, i) => i);
  const sources = elements.flatMap((h) => {
    const undo = inverseSymmetry(h);
    const relative = inner.map((g) => (lifting ? 0 : elements.indexOf(composeSymmetries(undo, g))));
    const turned = transformImage(positions, [1, kernelSize, kernelSize, 1], h).image;
    return turned.flatMap((position) => relative.map((element) => position * inner.length + element));
  });
  return Int32Array.from(sources);
}

/**
 * The dense kernel of a group convolution. Differentiable in the weights on every backend.
 *
 * @param weights [k, k, A·C, F], A = 1 for a lifting convolution and |G| otherwise, k odd
 * @param sources from {@link kernelSources}
 * @returns [k, k, A·C, |G|·F]
 */
export function expandKernel(weights: tf.Tensor4D, sources: Int32Array, order: number): tf.Tensor4D {
  const [height, width, channels, filters] = weights.shape;
  const rows = sources.length / order; // positions times A
  const columns = weights.size / rows; // C·F
  // The copies are made by multiplying with a matrix of zeros and ones, the fastest way on wasm. The stock gradient
  // would multiply by a transposed matrix, which is slow there, and `oneHot` is only right for integers.
  const copies = () => tf.oneHot(tf.tensor1d(sources, "int32"), rows).toFloat() as tf.Tensor2D;
  const expand = tf.customGrad((given) => ({
    value: tf
      .matMul(copies(), (given as tf.Tensor).reshape<tf.Tensor2D>([rows, columns]))
      .reshape([order, height * width * channels, filters])
      .transpose([1, 0, 2])
      .reshape([height, width, channels, order * filters]),
    gradFunc: (dy: tf.Tensor) => {
      const perElement = dy.reshape([height * width * channels, order, filters]).transpose([1, 0, 2]);
      return tf
        .matMul(copies().transpose(), perElement.reshape<tf.Tensor2D>([sources.length, columns]))
        .reshape(weights.shape);
    },
  }));
  return expand(weights) as tf.Tensor4D;
}
