// Gradients of the stock kernels that backpropagation itself runs and that have none. Gradient penalties and Hessian
// products need them. Linear kernels use the kernel of their adjoint.

import { product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { zerosOf } from "./differentiate.ts";
import { LeakyReluGrad } from "./kernels/leakyRelu.ts";
import {
  type Pool2DKernelAttrs,
  type Pool3DKernelAttrs,
  type PoolShape,
  pool2DShape,
  pool3DShape,
} from "./kernels/poolShape.ts";
import { byShare } from "./stockGradients.ts";
import { subsample } from "./subsample.ts";

type Gradients = Record<string, () => tf.Tensor>;

/** A kernel, the inputs it saves, and their gradients given those of its outputs. */
type Entry = readonly [
  kernelName: string,
  inputs: readonly string[],
  gradients: (saved: tf.Tensor[], attrs: tf.NamedAttrMap, dy: tf.Tensor, dys: tf.Tensor[]) => Gradients,
];

const run = (kernel: string, inputs: tf.NamedTensorMap, attrs: object): tf.Tensor =>
  tf.engine().runKernel(kernel, inputs, attrs as tf.NamedAttrMap);

/** Comparisons are constant wherever they have a gradient at all. */
const COMPARISONS = [tf.Equal, tf.NotEqual, tf.Greater, tf.Less, tf.LessEqual, tf.LogicalAnd, tf.LogicalOr];

/** The values of v at the maxima y of x: the adjoint of maximum pooling's gradient. */
function atMaxima(v: tf.Tensor, x: tf.Tensor, y: tf.Tensor, shape: PoolShape): tf.Tensor {
  const axes = x.rank - 2;
  const [filter, strides, padBefore, outSize] = [
    shape.filter,
    shape.strides,
    shape.padBefore,
    shape.outSize,
  ].map((sizes) => sizes.slice(3 - axes));
  const reach = filter.map((size, axis) => (outSize[axis] - 1) * strides[axis] + size);
  const sides = reach.map((size, axis): [number, number] => {
    const before = padBefore[axis];
    return [before, Math.max(0, size - before - x.shape[axis + 1])];
  });
  const pads: [number, number][] = [[0, 0], ...sides, [0, 0]];
  const [values, numbers] = [x.pad(pads, Number.NEGATIVE_INFINITY), v.pad(pads)];
  let [found, result] = [tf.zerosLike(y), tf.zerosLike(y)];
  for (let tap = 0; tap < product(filter); tap++) {
    let rest = tap;
    const begin = x.shape.map(() => 0);
    for (let axis = axes - 1; axis >= 0; axis--) {
      begin[axis + 1] = rest % filter[axis];
      rest = Math.floor(rest / filter[axis]);
    }
    const part = (tensor: tf.Tensor): tf.Tensor => {
      const size = tensor.shape.with(0, tensor.shape[0]);
      outSize.forEach((count, axis) => {
        size[axis + 1] = (count - 1) * strides[axis] + 1;
      });
      return strides.reduce<tf.Tensor>(
        (taken, stride, axis) => subsample(taken, axis + 1, stride, outSize[axis]),
        tensor.slice(begin, size),
      );
    };
    const here = part(values).equal(y).cast("float32").mul(tf.sub(1, found));
    [found, result] = [found.add(here), result.add(here.mul(part(numbers)))];
  }
  return result;
}

/** Everything that {@link secondGradients} registers, except comparisons. */
const ENTRIES: readonly Entry[] = [
  [
    tf.Conv2DBackpropFilter,
    ["x", "dy"],
    ([x, dy], { filterShape: _, ...attrs }, ddw) => ({
      x: () => run(tf.Conv2DBackpropInput, { dy, filter: ddw }, { ...attrs, inputShape: x.shape }),
      dy: () => run(tf.Conv2D, { x, filter: ddw }, { ...attrs, dilations: 1 }),
    }),
  ],
  [
    tf.Conv3DBackpropFilterV2,
    ["x", "dy"],
    ([x, dy], { filterShape: _, ...attrs }, ddw) => ({
      x: () => run(tf.Conv3DBackpropInputV2, { dy, filter: ddw }, { ...attrs, inputShape: x.shape }),
      dy: () => run(tf.Conv3D, { x, filter: ddw }, { ...attrs, dataFormat: "NDHWC", dilations: 1 }),
    }),
  ],
  [
    tf.DepthwiseConv2dNativeBackpropFilter,
    ["x", "dy"],
    ([x, dy], { filterShape: _, ...attrs }, ddw) => ({
      x: () =>
        run(tf.DepthwiseConv2dNativeBackpropInput, { dy, filter: ddw }, { ...attrs, inputShape: x.shape }),
      dy: () => run(tf.DepthwiseConv2dNative, { x, filter: ddw }, { ...attrs, dataFormat: "NHWC" }),
    }),
  ],
  [
    tf.DepthwiseConv2dNativeBackpropInput,
    ["dy", "filter"],
    ([dy, filter], { inputShape: _, ...attrs }, ddx) => ({
      dy: () => run(tf.DepthwiseConv2dNative, { x: ddx, filter }, { ...attrs, dataFormat: "NHWC" }),
      filter: () =>
        run(tf.DepthwiseConv2dNativeBackpropFilter, { x: ddx, dy }, { ...attrs, filterShape: filter.shape }),
    }),
  ],
  [
    tf.AvgPoolGrad,
    ["dy", "input"],
    ([, input], attrs, ddx) => ({
      dy: () =>
        byShare(run(tf.AvgPool, { x: ddx }, attrs), pool2DShape(input.shape, attrs as Pool2DKernelAttrs), -1),
      input: zerosOf(input),
    }),
  ],
  [
    tf.AvgPool3DGrad,
    ["dy", "input"],
    ([, input], attrs, ddx) => ({
      dy: () =>
        byShare(
          run(tf.AvgPool3D, { x: ddx }, { ...attrs, dataFormat: "NDHWC" }),
          pool3DShape(input.shape, attrs as Pool3DKernelAttrs),
          -1,
        ),
      input: zerosOf(input),
    }),
  ],
  [
    tf.MaxPoolGrad,
    ["dy", "input", "output"],
    ([, x, y], attrs, ddx) => ({
      dy: () => atMaxima(ddx, x, y, pool2DShape(x.shape, attrs as Pool2DKernelAttrs)),
      input: zerosOf(x),
      output: zerosOf(y),
    }),
  ],
  [
    tf.MaxPool3DGrad,
    ["dy", "input", "output"],
    ([, x, y], attrs, ddx) => ({
      dy: () => atMaxima(ddx, x, y, pool3DShape(x.shape, attrs as Pool3DKernelAttrs)),
      input: zerosOf(x),
      output: zerosOf(y),
    }),
  ],
  [
    tf.ResizeBilinearGrad,
    ["dy", "images"],
    ([dy, images], attrs, ddx) => ({
      // The stock CPU backend swaps height and width in the shape of the differentiated input.
      dy: () =>
        run(
          tf.ResizeBilinear,
          { images: ddx.reshape(images.shape) },
          { ...attrs, size: dy.shape.slice(1, 3) },
        ),
      images: zerosOf(images),
    }),
  ],
  [
    tf.ResizeNearestNeighborGrad,
    ["dy", "images"],
    ([dy, images], attrs, ddx) => ({
      dy: () => run(tf.ResizeNearestNeighbor, { images: ddx }, { ...attrs, size: dy.shape.slice(1, 3) }),
      images: zerosOf(images),
    }),
  ],
  [
    LeakyReluGrad.name,
    ["dy", "x"],
    ([, x], attrs, ddx) => ({ dy: () => run(LeakyReluGrad.name, { dy: ddx, x }, attrs), x: zerosOf(x) }),
  ],
  [
    tf.EluGrad,
    ["dy", "y"],
    ([dy, y], _, ddx) => ({
      dy: () => run(tf.EluGrad, { dy: ddx, y }, {}),
      y: () => ddx.mul(dy).mul(y.less(0)),
    }),
  ],
];

/** Stock kernels whose gradients use their outputs, and the names of their inputs. */
const BY_OUTPUT: Readonly<Record<string, readonly string[]>> = {
  [tf.Exp]: ["x"],
  [tf.Sigmoid]: ["x"],
  [tf.Tanh]: ["x"],
  [tf.Elu]: ["x"],
  [tf.Softmax]: ["logits"],
  [tf.LogSoftmax]: ["logits"],
  [tf.Pow]: ["a", "b"],
};

/**
 * The gradients of stock ops that save their outputs. A saved output is disconnected from the inputs, so gradients of
 * gradients silently miss it. Inside another gradient, inputs are saved too, and the output is recomputed.
 */
function outputGradients(): tf.GradConfig[] {
  return Object.entries(BY_OUTPUT).flatMap(([kernelName, names]) => {
    const stock = tf.getGradient(kernelName);
    if (!stock) return [];
    const saves = stock.inputsToSave ?? [];
    return {
      kernelName,
      outputsToSave: [true],
      get inputsToSave() {
        return tf.engine().state.gradientDepth > 1 ? [...names] : saves;
      },
      gradFunc: (dy, saved, attrs) => {
        if (saved.length <= names.length) return stock.gradFunc(dy, saved, attrs);
        const inputs = Object.fromEntries(names.map((name, i) => [name, saved[i]]));
        const output = tf.engine().isTapeOn() ? run(kernelName, inputs, attrs) : saved[names.length];
        return stock.gradFunc(dy, [...saves.map((name) => inputs[name]), output], attrs);
      },
    };
  });
}

/** Gradients of the kernels that backpropagation itself runs, and gradients that can be differentiated again. */
export function secondGradients(): tf.GradConfig[] {
  const comparisons = COMPARISONS.map(
    (name): Entry => [name, ["a", "b"], ([a, b]) => ({ a: zerosOf(a), b: zerosOf(b) })],
  );
  comparisons.push([tf.LogicalNot, ["x"], ([x]) => ({ x: zerosOf(x) })]);
  const backward = [...ENTRIES, ...comparisons].map(
    ([kernelName, inputs, gradients]): tf.GradConfig => ({
      kernelName,
      inputsToSave: [...inputs],
      gradFunc: (dy, saved, attrs) => {
        const dys = Array.isArray(dy) ? dy : [dy];
        return gradients(saved, attrs, dys[0], dys);
      },
    }),
  );
  return [...backward, ...outputGradients()];
}
