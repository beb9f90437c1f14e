// The seam between ops and backends: the kernels that a backend may implement, declared as TensorFlow.js
// kernels with typed inputs and attributes. An op runs a kernel where the active backend has one and is
// composed from stock ops where it has none.
//
// Kernels see x as [N, ...spatial, C] with one to three spatial axes and *mixed* ring weights [L, Cin, Cout]:
// groups, the mixture, other pad modes than zeros and the bias are handled by the ops.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { checkChannelwise, checkEqual, checkMixture, checkPositions, checkRingConv } from "./kernelChecks.ts";
import type { RingConvAttrs } from "./ringConvAttrs.ts";

export type { RingConvAttrs };

export interface BatchNormTrainingAttrs extends tf.NamedAttrMap {
  epsilon: number;
  /** Whether y is rectified: max(y, 0). */
  relu: boolean;
}

export interface AdamWAttrs extends tf.NamedAttrMap {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** The parameter is multiplied by 1 - learningRate · weightDecay. */
  weightDecay: number;
  /** Number of this step, from 1. */
  step: number;
}

export interface SgdAttrs extends tf.NamedAttrMap {
  learningRate: number;
  momentum: number;
  weightDecay: number;
}

/** A kernel's name with the types of its inputs and attributes. */
export interface KernelDeclaration<Inputs, Attrs> {
  readonly name: string;
  /**
   * Checks shapes and dtypes before a kernel touches memory.
   * @throws GmrError `invalid-shape` or `invalid-argument`
   */
  readonly check?: (inputs: Inputs, attrs: Attrs) => void;
  /** Carries the types; never set. */
  readonly types?: { inputs: Inputs; attrs: Attrs };
}

/** y[N, ...out, Cout] = Σ_l S_l(x) · weights[l], with x [N, ...in, Cin] and weights [L, Cin, Cout]. */
export const RingConv: KernelDeclaration<{ x: tf.TensorInfo; weights: tf.TensorInfo }, RingConvAttrs> = {
  name: "RingConv",
  check: ({ x, weights }, attrs) => checkRingConv({ input: x, weights }, attrs),
};

/** dx[N, ...in, Cin] = Σ_l S_lᵀ(dy · weights[l]ᵀ), with dy [N, ...out, Cout] and weights [L, Cin, Cout]. */
export const RingConvBackpropInput: KernelDeclaration<
  { dy: tf.TensorInfo; weights: tf.TensorInfo },
  RingConvAttrs
> = {
  name: "RingConvBackpropInput",
  check: ({ dy, weights }, attrs) => checkRingConv({ output: dy, weights }, attrs),
};

/** dW[L, Cin, Cout], dW[l] = S_l(x)ᵀ · dy, with x [N, ...in, Cin] and dy [N, ...out, Cout]. */
export const RingConvBackpropFilter: KernelDeclaration<
  { x: tf.TensorInfo; dy: tf.TensorInfo },
  RingConvAttrs
> = {
  name: "RingConvBackpropFilter",
  check: ({ x, dy }, attrs) => checkRingConv({ input: x, output: dy }, attrs),
};

/**
 * The three kernels above for positions that need not lie symmetrically, each with a matrix of its own: a dense convolution of
 * the positions that lie on a ring, and of no others. Backends that may not assume symmetry have the same code for both.
 */
export const PositionConv: typeof RingConv = { ...RingConv, name: "PositionConv" };
export const PositionConvBackpropInput: typeof RingConvBackpropInput = {
  ...RingConvBackpropInput,
  name: "PositionConvBackpropInput",
};
export const PositionConvBackpropFilter: typeof RingConvBackpropFilter = {
  ...RingConvBackpropFilter,
  name: "PositionConvBackpropFilter",
};

/**
 * [y, mean, variance] of x [..., C] with gamma and beta [C]: y = (x - mean) / √(variance + ε) · gamma + beta,
 * with the mean and the biased variance [C] over all axes but the last.
 */
export const BatchNormTraining: KernelDeclaration<
  { x: tf.TensorInfo; gamma: tf.TensorInfo; beta: tf.TensorInfo },
  BatchNormTrainingAttrs
> = { name: "BatchNormTraining", check: ({ x, ...vectors }) => checkChannelwise(x, {}, vectors) };

interface BatchNormGradInputs {
  dy: tf.TensorInfo;
  x: tf.TensorInfo;
  gamma: tf.TensorInfo;
  beta: tf.TensorInfo;
  mean: tf.TensorInfo;
  variance: tf.TensorInfo;
}

/** dx from dy and what the forward pass took and gave. */
export const BatchNormTrainingGrad: KernelDeclaration<BatchNormGradInputs, BatchNormTrainingAttrs> = {
  name: "BatchNormTrainingGrad",
  check: ({ dy, x, ...vectors }) => checkChannelwise(x, { dy }, vectors),
};

/** [dgamma, dbeta]. Apart from dx since TensorFlow.js disposes what a gradient function makes beside its result. */
export const BatchNormTrainingParamGrad: KernelDeclaration<BatchNormGradInputs, BatchNormTrainingAttrs> = {
  name: "BatchNormTrainingParamGrad",
  check: ({ dy, x, ...vectors }) => checkChannelwise(x, { dy }, vectors),
};

/** Mixed weights W'_l = Σ_r G[r, l] w_r of weights [R, ...] and logSigmas [R]. */
export const RingMix: KernelDeclaration<
  { weights: tf.TensorInfo; logSigmas: tf.TensorInfo },
  Record<string, never>
> = { name: "RingMix", check: ({ weights, logSigmas }) => checkMixture(logSigmas, { weights }) };

/** dw_r = Σ_l G[r, l] dW'_l from dy = dW' [R, ...]. */
export const RingMixBackpropWeights: KernelDeclaration<
  { dy: tf.TensorInfo; logSigmas: tf.TensorInfo },
  Record<string, never>
> = { name: "RingMixBackpropWeights", check: ({ dy, logSigmas }) => checkMixture(logSigmas, { dy }) };

/** dlogσ_r = Σ_l G[r, l] (((l - r)/σ_r)² - 1) ⟨dW'_l, w_r⟩, 0 where σ_r is clipped. */
export const RingMixBackpropSigmas: KernelDeclaration<
  { dy: tf.TensorInfo; weights: tf.TensorInfo; logSigmas: tf.TensorInfo },
  Record<string, never>
> = {
  name: "RingMixBackpropSigmas",
  check: ({ dy, weights, logSigmas }) => checkMixture(logSigmas, { dy, weights }),
};

/** y = max(a + b, 0), shapes equal. */
export const AddRelu: KernelDeclaration<{ a: tf.TensorInfo; b: tf.TensorInfo }, Record<string, never>> = {
  name: "AddRelu",
  check: (inputs) => checkEqual(inputs),
};

/** dx = dy where y > 0, else 0. */
export const ReluGrad: KernelDeclaration<{ dy: tf.TensorInfo; y: tf.TensorInfo }, Record<string, never>> = {
  name: "ReluGrad",
  check: (inputs) => checkEqual(inputs),
};

/** y[n, p, c] = x[n, p, c] · scale[p], with x [N, ..., C] and scale [P] for the P positions between. */
export const ScaleRows: KernelDeclaration<
  { x: tf.TensorInfo; scale: tf.TensorInfo },
  Record<string, never>
> = { name: "ScaleRows", check: ({ x, scale }) => checkPositions(x, scale) };

/** [parameter, first, second] after one step of AdamW. */
export const AdamWUpdate: KernelDeclaration<
  { parameter: tf.TensorInfo; gradient: tf.TensorInfo; first: tf.TensorInfo; second: tf.TensorInfo },
  AdamWAttrs
> = { name: "AdamWUpdate", check: (inputs) => checkEqual(inputs) };

/** [parameter, velocity] after one step of SGD with Nesterov momentum. */
export const SgdUpdate: KernelDeclaration<
  { parameter: tf.TensorInfo; gradient: tf.TensorInfo; velocity: tf.TensorInfo },
  SgdAttrs
> = { name: "SgdUpdate", check: (inputs) => checkEqual(inputs) };

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
    kernelFunc: ({ inputs, backend, attrs }) => {
      kernel.check?.(inputs as Inputs, attrs as Attrs);
      return compute(inputs as Inputs, attrs as Attrs, backend);
    },
  };
}

/** What a kernel is called with. */
export type KernelArgs = Parameters<tf.KernelFunc>[0];

/** A kernel that takes the place of the one that its backend has, and may leave work to it. */
export interface KernelOverride {
  readonly kernelName: string;
  readonly backendName: string;
  readonly override: (args: KernelArgs, stock: tf.KernelFunc) => ReturnType<tf.KernelFunc>;
}

/**
 * A kernel in the place of a stock one, which is found when {@link replaceKernels} registers it.
 *
 * @param override given a call and the stock kernel; returns the output, or a list of outputs
 */
export const overrideKernel = (
  kernelName: string,
  backendName: string,
  override: KernelOverride["override"],
): KernelOverride => ({ kernelName, backendName, override });

/**
 * Registers kernels, each in the place of the one of the same name that its backend had.
 * @throws GmrError `internal` for an override of a kernel that the backend does not have
 */
export function replaceKernels(kernels: readonly (tf.KernelConfig | KernelOverride)[]): void {
  for (const kernel of kernels) {
    const { kernelName, backendName } = kernel;
    const stock = tf.getKernel(kernelName, backendName);
    if (stock) tf.unregisterKernel(kernelName, backendName);
    if (!("override" in kernel)) {
      tf.registerKernel(kernel);
      continue;
    }
    if (!stock)
      throw new GmrError("internal", `backend ${backendName} has no kernel ${kernelName} to override`);
    const { override } = kernel;
    tf.registerKernel({ ...stock, kernelFunc: (args) => override(args, stock.kernelFunc) });
  }
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
