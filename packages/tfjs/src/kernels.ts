// The seam between ops and backends: the kernels that a backend may implement, declared as TensorFlow.js
// kernels with typed inputs and attributes. An op runs a kernel where the active backend has one and is
// composed from stock ops where it has none.
//
// Kernels see x as [N, ...spatial, C] with one to three spatial axes and *mixed* ring weights [L, Cin, Cout]:
// groups, the mixture, other pad modes than zeros and the bias are handled by the ops.

import * as tf from "@tensorflow/tfjs";

/** The geometry that the three ring convolution kernels share; one entry per spatial axis. */
export interface RingConvAttrs extends tf.NamedAttrMap {
  kernelSize: number[];
  /** Ring of each kernel position, row-major; -1 for none. Symmetric under reflection in every axis. */
  ringIndex: number[];
  /** Number of weight matrices L. */
  numRings: number;
  strides: number[];
  dilations: number[];
  /** Zeros before the first pixel. Those after the last one follow from `outputSize`. */
  padBefore: number[];
  inputSize: number[];
  outputSize: number[];
}

export interface BatchNormTrainingAttrs extends tf.NamedAttrMap {
  epsilon: number;
}

/** A kernel's name with the types of its inputs and attributes. */
export interface KernelDeclaration<Inputs, Attrs> {
  readonly name: string;
  /** Carries the types; never set. */
  readonly types?: { inputs: Inputs; attrs: Attrs };
}

/** y[N, ...out, Cout] = Σ_l S_l(x) · weights[l], with x [N, ...in, Cin] and weights [L, Cin, Cout]. */
export const RingConv: KernelDeclaration<{ x: tf.TensorInfo; weights: tf.TensorInfo }, RingConvAttrs> = {
  name: "RingConv",
};

/** dx[N, ...in, Cin] = Σ_l S_lᵀ(dy · weights[l]ᵀ), with dy [N, ...out, Cout] and weights [L, Cin, Cout]. */
export const RingConvBackpropInput: KernelDeclaration<
  { dy: tf.TensorInfo; weights: tf.TensorInfo },
  RingConvAttrs
> = { name: "RingConvBackpropInput" };

/** dW[L, Cin, Cout], dW[l] = S_l(x)ᵀ · dy, with x [N, ...in, Cin] and dy [N, ...out, Cout]. */
export const RingConvBackpropFilter: KernelDeclaration<
  { x: tf.TensorInfo; dy: tf.TensorInfo },
  RingConvAttrs
> = { name: "RingConvBackpropFilter" };

/**
 * [y, mean, variance] of x [..., C] with gamma and beta [C]: y = (x - mean) / √(variance + ε) · gamma + beta,
 * with the mean and the biased variance [C] over all axes but the last.
 */
export const BatchNormTraining: KernelDeclaration<
  { x: tf.TensorInfo; gamma: tf.TensorInfo; beta: tf.TensorInfo },
  BatchNormTrainingAttrs
> = { name: "BatchNormTraining" };

/** dx from dy and what the forward pass took and gave. */
export const BatchNormTrainingGrad: KernelDeclaration<
  {
    dy: tf.TensorInfo;
    x: tf.TensorInfo;
    gamma: tf.TensorInfo;
    mean: tf.TensorInfo;
    variance: tf.TensorInfo;
  },
  BatchNormTrainingAttrs
> = { name: "BatchNormTrainingGrad" };

/** [dgamma, dbeta]. Apart from dx since TensorFlow.js disposes what a gradient function makes beside its result. */
export const BatchNormTrainingParamGrad: KernelDeclaration<
  { dy: tf.TensorInfo; x: tf.TensorInfo; mean: tf.TensorInfo; variance: tf.TensorInfo },
  BatchNormTrainingAttrs
> = { name: "BatchNormTrainingParamGrad" };

/**
 * A configuration for `tf.registerKernel` from a declaration and a typed implementation.
 *
 * @param backendName as in `tf.setBackend`
 * @param compute given the inputs, the attributes and the backend; returns the output, or a list of outputs
 */
export function kernelConfig<Inputs, Attrs>(
  kernel: KernelDeclaration<Inputs, Attrs>,
  backendName: string,
  compute: (inputs: Inputs, attrs: Attrs, backend: object) => tf.TensorInfo | tf.TensorInfo[],
): tf.KernelConfig {
  return {
    kernelName: kernel.name,
    backendName,
    kernelFunc: ({ inputs, backend, attrs }) => compute(inputs as Inputs, attrs as Attrs, backend),
  };
}

/** Whether the active backend implements a kernel. */
export function hasKernel<Inputs, Attrs>(kernel: KernelDeclaration<Inputs, Attrs>): boolean {
  return tf.getKernel(kernel.name, tf.getBackend()) != null;
}

type TensorsOf<Inputs> = { [Name in keyof Inputs]: tf.Tensor };

function runTyped<Inputs, Attrs extends tf.NamedAttrMap>(
  kernel: KernelDeclaration<Inputs, Attrs>,
  inputs: TensorsOf<Inputs> & tf.NamedTensorMap,
  attrs: Attrs,
): tf.Tensor | tf.Tensor[] {
  return tf.engine().runKernel(kernel.name, inputs, attrs);
}

/** Runs a kernel with one output on the active backend, which must implement it. */
export function runKernel<Inputs, Attrs extends tf.NamedAttrMap>(
  kernel: KernelDeclaration<Inputs, Attrs>,
  inputs: TensorsOf<Inputs> & tf.NamedTensorMap,
  attrs: Attrs,
): tf.Tensor {
  const result = runTyped(kernel, inputs, attrs);
  return Array.isArray(result) ? result[0] : result;
}

/** Runs a kernel with several outputs on the active backend, which must implement it. */
export function runKernelMulti<Inputs, Attrs extends tf.NamedAttrMap>(
  kernel: KernelDeclaration<Inputs, Attrs>,
  inputs: TensorsOf<Inputs> & tf.NamedTensorMap,
  attrs: Attrs,
): tf.Tensor[] {
  const result = runTyped(kernel, inputs, attrs);
  return Array.isArray(result) ? result : [result];
}

let registered = false;

/** Tells TensorFlow.js the gradients of our kernels. Done by the ops when they are first used. */
export function registerGradients(): void {
  if (registered) return;
  registered = true;
  tf.registerGradient({
    kernelName: RingConv.name,
    inputsToSave: ["x", "weights"],
    gradFunc: (dy, [x, weights], attrs) => ({
      x: () => runKernel(RingConvBackpropInput, { dy: single(dy), weights }, attrs as RingConvAttrs),
      weights: () => runKernel(RingConvBackpropFilter, { x, dy: single(dy) }, attrs as RingConvAttrs),
    }),
  });
  tf.registerGradient({
    kernelName: BatchNormTraining.name,
    inputsToSave: ["x", "gamma"],
    outputsToSave: [false, true, true],
    gradFunc: (dy, [x, gamma, mean, variance], attrs) => {
      const batchNorm = attrs as BatchNormTrainingAttrs;
      const batch = { dy: single(dy), x, mean, variance };
      const param = (i: number) => () => runKernelMulti(BatchNormTrainingParamGrad, batch, batchNorm)[i];
      return {
        x: () => runKernel(BatchNormTrainingGrad, { ...batch, gamma }, batchNorm),
        gamma: param(0),
        beta: param(1),
      };
    },
  });
}

function single(dy: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(dy) ? dy[0] : dy;
}
