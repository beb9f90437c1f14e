// Gradients of gradients: of our backward kernels, and of those stock kernels that backpropagation runs and that have none.
// Gradient penalties and Hessian products need them. What is linear has the kernel of its adjoint; the rest is written in stock
// ops, which TensorFlow.js differentiates by itself, and so as often as one likes.

import { sigmaBounds } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import {
  type Pool2DKernelAttrs,
  type Pool3DKernelAttrs,
  type PoolShape,
  pool2DShape,
  pool3DShape,
} from "./convShape.ts";
import {
  type BatchNormTrainingAttrs,
  BatchNormTrainingGrad,
  BatchNormTrainingParamGrad,
  ReluGrad,
  RingMix,
  RingMixBackpropSigmas,
  RingMixBackpropWeights,
  runKernel,
} from "./kernels.ts";
import { mixtureMatrix } from "./mixtureMatrix.ts";
import { byShare } from "./stockGradients.ts";
import { subsample } from "./subsample.ts";

type Compute = (...inputs: tf.Tensor[]) => tf.Tensor;
type Gradients = Record<string, () => tf.Tensor>;

/** A kernel, what it saves of its inputs, and their gradients for those of its outputs. */
type Entry = readonly [
  kernelName: string,
  inputs: readonly string[],
  gradients: (saved: tf.Tensor[], attrs: tf.NamedAttrMap, dy: tf.Tensor, dys: tf.Tensor[]) => Gradients,
];

const run = (kernel: string, inputs: tf.NamedTensorMap, attrs: object): tf.Tensor =>
  tf.engine().runKernel(kernel, inputs, attrs as tf.NamedAttrMap);

/** A gradient within backpropagation, which must find its tape again: another gradient at that depth ends with none. */
function gradWithin(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  const { state } = tf.engine();
  const { activeTape } = state;
  try {
    return tf.grad(f)(x, dy);
  } finally {
    state.activeTape = activeTape;
  }
}

/** The gradients of f, which is made of stock ops; each is computed by itself, since TensorFlow.js frees what lies beside it. */
function differentiated(f: Compute, names: readonly string[], inputs: tf.Tensor[], dy: tf.Tensor): Gradients {
  return Object.fromEntries(
    names.map((name, i) => [name, () => gradWithin((input) => f(...inputs.with(i, input)), inputs[i], dy)]),
  );
}

const zeros = (tensor: tf.Tensor) => () => tf.zeros(tensor.shape);

/** Comparisons are constant wherever they have a gradient at all. */
const COMPARISONS = [tf.Equal, tf.NotEqual, tf.Greater, tf.Less, tf.LessEqual, tf.LogicalAnd, tf.LogicalOr];

const BATCH_NORM = ["dy", "x", "gamma", "beta"];
const BATCH_NORM_SAVED = [...BATCH_NORM, "mean", "variance"];

/** dx, dgamma and dbeta of batch normalisation, with the statistics taken from x. */
function batchNormGradients([dy, x, gamma, beta]: tf.Tensor[], { epsilon, relu }: BatchNormTrainingAttrs) {
  const axes = x.shape.slice(0, -1).map((_, i) => i);
  const { mean, variance } = tf.moments(x, axes);
  const inverse = variance.add(epsilon).rsqrt();
  const normalised = x.sub(mean).mul(inverse);
  const open = relu ? dy.mul(normalised.mul(gamma).add(beta).step()) : dy;
  const products = open.mul(normalised);
  const rest = open.sub(open.mean(axes)).sub(normalised.mul(products.mean(axes)));
  return { dx: rest.mul(gamma.mul(inverse)), dGamma: products.sum(axes), dBeta: open.sum(axes) };
}

/** The gradients of a kernel of batch normalisation. Mean and variance follow from x, whose gradient has their share. */
function ofBatchNorm(
  compute: (found: ReturnType<typeof batchNormGradients>) => tf.Tensor,
  [dy, x, gamma, beta, mean, variance]: tf.Tensor[],
  attrs: BatchNormTrainingAttrs,
  cotangent: tf.Tensor,
  /** What it depends on where nothing is rectified. */
  smooth: readonly string[],
): Gradients {
  const inputs = [dy, x, gamma, beta];
  const all = differentiated(
    (...given) => compute(batchNormGradients(given, attrs)),
    BATCH_NORM,
    inputs,
    cotangent,
  );
  const active = Object.entries(all).filter(([name]) => attrs.relu || smooth.includes(name));
  const none = { gamma: zeros(gamma), beta: zeros(beta), mean: zeros(mean), variance: zeros(variance) };
  return { ...none, ...Object.fromEntries(active) };
}

/** dlogσ of the mixture, as the kernel RingMixBackpropSigmas has it. */
function sigmaGradient(dy: tf.Tensor, weights: tf.Tensor, logSigmas: tf.Tensor): tf.Tensor {
  const rings = logSigmas.shape[0] as number;
  const [min, max] = sigmaBounds(rings);
  const sigmas = logSigmas.exp();
  const inside = tf.logicalAnd(sigmas.greaterEqual(min), sigmas.lessEqual(max)).cast("float32");
  const squares = tf.tensor2d(
    Float32Array.from({ length: rings * rings }, (_, i) => (Math.floor(i / rings) - (i % rings)) ** 2),
    [rings, rings],
  );
  const slopes = mixtureMatrix(logSigmas as tf.Tensor1D).mul(squares.div(sigmas.square()).sub(1));
  const products = tf.matMul(dy.reshape([rings, -1]), weights.reshape([rings, -1]), false, true);
  return slopes.mul(products).sum(0).mul(inside);
}

/** The numbers of v at the places of the maxima y of x: the adjoint of maximum pooling's gradient. */
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
  for (let tap = 0; tap < filter.reduce((a, b) => a * b, 1); tap++) {
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

/** Everything that {@link secondGradients} registers, but for comparisons. */
const ENTRIES: readonly Entry[] = [
  [
    ReluGrad.name,
    ["dy", "y"],
    ([, y], _, ddx) => ({ dy: () => runKernel(ReluGrad, { dy: ddx, y }, {}), y: zeros(y) }),
  ],
  [
    RingMixBackpropWeights.name,
    ["dy", "logSigmas"],
    ([dy, logSigmas], _, ddw) => ({
      dy: () => runKernel(RingMix, { weights: ddw, logSigmas }, {}),
      logSigmas: () => runKernel(RingMixBackpropSigmas, { dy, weights: ddw, logSigmas }, {}),
    }),
  ],
  [
    RingMixBackpropSigmas.name,
    ["dy", "weights", "logSigmas"],
    (saved, _, dds) => differentiated(sigmaGradient, ["dy", "weights", "logSigmas"], saved, dds),
  ],
  [
    BatchNormTrainingGrad.name,
    BATCH_NORM_SAVED,
    (saved, attrs, ddx) =>
      ofBatchNorm(({ dx }) => dx, saved, attrs as BatchNormTrainingAttrs, ddx, ["dy", "x", "gamma"]),
  ],
  [
    BatchNormTrainingParamGrad.name,
    BATCH_NORM_SAVED,
    (saved, attrs, _, [ddGamma, ddBeta]) =>
      ofBatchNorm(
        ({ dGamma, dBeta }) => dGamma.mul(ddGamma).add(dBeta.mul(ddBeta)).sum(),
        saved,
        attrs as BatchNormTrainingAttrs,
        tf.scalar(1),
        ["dy", "x"],
      ),
  ],
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
      input: zeros(input),
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
      input: zeros(input),
    }),
  ],
  [
    tf.MaxPoolGrad,
    ["dy", "input", "output"],
    ([, x, y], attrs, ddx) => ({
      dy: () => atMaxima(ddx, x, y, pool2DShape(x.shape, attrs as Pool2DKernelAttrs)),
      input: zeros(x),
      output: zeros(y),
    }),
  ],
  [
    tf.MaxPool3DGrad,
    ["dy", "input", "output"],
    ([, x, y], attrs, ddx) => ({
      dy: () => atMaxima(ddx, x, y, pool3DShape(x.shape, attrs as Pool3DKernelAttrs)),
      input: zeros(x),
      output: zeros(y),
    }),
  ],
  [
    tf.ResizeBilinearGrad,
    ["dy", "images"],
    ([dy, images], attrs, ddx) => ({
      // The stock CPU backend exchanges height and width in the shape of what was differentiated.
      dy: () =>
        run(
          tf.ResizeBilinear,
          { images: ddx.reshape(images.shape) },
          { ...attrs, size: dy.shape.slice(1, 3) },
        ),
      images: zeros(images),
    }),
  ],
  [
    tf.ResizeNearestNeighborGrad,
    ["dy", "images"],
    ([dy, images], attrs, ddx) => ({
      dy: () => run(tf.ResizeNearestNeighbor, { images: ddx }, { ...attrs, size: dy.shape.slice(1, 3) }),
      images: zeros(images),
    }),
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

/** Stock kernels whose gradients are made of their outputs, and the names of their inputs. */
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
 * The gradients of stock ops that save their outputs. What TensorFlow.js saves of an output is not connected with the inputs, so
 * that gradients of gradients miss it without a word. Inside another gradient, inputs are saved as well, and the output is made
 * again.
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

/** The gradients of what backpropagation itself runs, and those that can be differentiated again. */
export function secondGradients(): tf.GradConfig[] {
  const comparisons = COMPARISONS.map(
    (name): Entry => [name, ["a", "b"], ([a, b]) => ({ a: zeros(a), b: zeros(b) })],
  );
  comparisons.push([tf.LogicalNot, ["x"], ([x]) => ({ x: zeros(x) })]);
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
