import { mixtureMatrix, sigmaBounds } from "@gmr-conv/core";
import {
  AdamWUpdate,
  AddRelu,
  kernelConfig,
  ReluGrad,
  RingMix,
  RingMixBackpropSigmas,
  RingMixBackpropWeights,
  ScaleRows,
  SgdUpdate,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { elements, kernelsOf, type WasmKernels } from "../module.ts";

/** Replaces the stock Identity, which copies: tensors are never written to, so both may share the data. */
export const identityConfig = kernelConfig<{ x: tf.TensorInfo }, undefined>(
  { name: tf.Identity },
  "wasm",
  ({ x }, _attrs, backend) => kernelsOf(backend).share(x),
);

/** The mixture matrix of log-sigmas in scratch memory, and its address. */
function placeMixture(kernels: WasmKernels, logSigmas: tf.TensorInfo): number {
  const [rings] = logSigmas.shape as [number];
  const address = kernels.reserve(4 * rings * rings);
  const matrix = mixtureMatrix(kernels.floats(kernels.address(logSigmas), rings), rings);
  kernels.floats(address, rings * rings).set(matrix);
  return address;
}

function mix(
  kernels: WasmKernels,
  logSigmas: tf.TensorInfo,
  source: tf.TensorInfo,
  transposed: 0 | 1,
): tf.TensorInfo {
  const [rings] = logSigmas.shape as [number];
  const result = kernels.output(source.shape);
  const matrix = placeMixture(kernels, logSigmas);
  const inner = elements(source.shape) / rings;
  kernels.run.mixRows(matrix, kernels.address(source), kernels.address(result), rings, inner, transposed);
  return result;
}

export const ringMixConfig = kernelConfig(RingMix, "wasm", ({ weights, logSigmas }, _attrs, backend) =>
  mix(kernelsOf(backend), logSigmas, weights, 0),
);

export const ringMixBackpropWeightsConfig = kernelConfig(
  RingMixBackpropWeights,
  "wasm",
  ({ dy, logSigmas }, _attrs, backend) => mix(kernelsOf(backend), logSigmas, dy, 1),
);

export const ringMixBackpropSigmasConfig = kernelConfig(
  RingMixBackpropSigmas,
  "wasm",
  ({ dy, weights, logSigmas }, _attrs, backend) => {
    const kernels = kernelsOf(backend);
    const [rings] = logSigmas.shape as [number];
    const result = kernels.output([rings]);
    const dots = kernels.reserve(4 * rings * rings);
    kernels.run.dotRows(
      kernels.address(weights),
      kernels.address(dy),
      dots,
      rings,
      elements(weights.shape) / rings,
    );
    const products = kernels.floats(dots, rings * rings);
    const logs = kernels.floats(kernels.address(logSigmas), rings);
    const matrix = mixtureMatrix(logs, rings);
    const [min, max] = sigmaBounds(rings);
    const gradient = kernels.floats(kernels.address(result), rings);
    for (let r = 0; r < rings; r++) {
      const sigma = Math.exp(logs[r]);
      let sum = 0;
      if (sigma >= min && sigma <= max) {
        for (let l = 0; l < rings; l++) {
          const at = r * rings + l;
          sum += products[at] * matrix[at] * (((l - r) / sigma) ** 2 - 1);
        }
      }
      gradient[r] = sum;
    }
    return result;
  },
);

export const addReluConfig = kernelConfig(AddRelu, "wasm", ({ a, b }, _attrs, backend) => {
  const kernels = kernelsOf(backend);
  const y = kernels.output(a.shape);
  const addresses = [a, b, y].map((tensor) => kernels.address(tensor));
  kernels.splitFloats("addRelu", elements(a.shape), (bytes, length) => [
    ...addresses.map((at) => at + bytes),
    length,
  ]);
  return y;
});

export const reluGradConfig = kernelConfig(ReluGrad, "wasm", ({ dy, y }, _attrs, backend) => {
  const kernels = kernelsOf(backend);
  const dx = kernels.output(y.shape);
  const addresses = [dy, y, dx].map((tensor) => kernels.address(tensor));
  kernels.splitFloats("reluGradient", elements(y.shape), (bytes, length) => [
    ...addresses.map((at) => at + bytes),
    length,
  ]);
  return dx;
});

export const scaleRowsConfig = kernelConfig(ScaleRows, "wasm", ({ x, scale }, _attrs, backend) => {
  const kernels = kernelsOf(backend);
  const y = kernels.output(x.shape);
  const channels = x.shape[x.shape.length - 1];
  const period = elements(scale.shape);
  const groups = elements(x.shape) / channels / period;
  const bytes = 4 * period * channels;
  const [from, factors, to] = [x, scale, y].map((tensor) => kernels.address(tensor));
  kernels.split("scaleRows", groups, kernels.threadsFor(elements(x.shape) * 8), (begin, end) => [
    from + begin * bytes,
    factors,
    to + begin * bytes,
    (end - begin) * period,
    period,
    channels,
  ]);
  return y;
});

export const adamWUpdateConfig = kernelConfig(
  AdamWUpdate,
  "wasm",
  ({ parameter, gradient, first, second }, attrs, backend) => {
    const kernels = kernelsOf(backend);
    const outputs = [parameter, first, second].map((tensor) => kernels.output(tensor.shape));
    const { learningRate, beta1, beta2, epsilon, weightDecay, step } = attrs;
    const addresses = [parameter, gradient, first, second, ...outputs].map((tensor) =>
      kernels.address(tensor),
    );
    kernels.splitFloats("adamW", elements(parameter.shape), (bytes, length) => [
      ...addresses.map((at) => at + bytes),
      length,
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      1 - learningRate * weightDecay,
      learningRate / (1 - beta1 ** step),
      1 / (1 - beta2 ** step),
      epsilon,
    ]);
    return outputs;
  },
);

export const sgdUpdateConfig = kernelConfig(
  SgdUpdate,
  "wasm",
  ({ parameter, gradient, velocity }, { learningRate, momentum, weightDecay }, backend) => {
    const kernels = kernelsOf(backend);
    const outputs = [parameter, velocity].map((tensor) => kernels.output(tensor.shape));
    const addresses = [parameter, gradient, velocity, ...outputs].map((tensor) => kernels.address(tensor));
    kernels.splitFloats("sgd", elements(parameter.shape), (bytes, length) => [
      ...addresses.map((at) => at + bytes),
      length,
      momentum,
      1 - learningRate * weightDecay,
      learningRate,
    ]);
    return outputs;
  },
);
