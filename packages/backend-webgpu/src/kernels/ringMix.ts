// The Gaussian mixture of ring weights and its gradients. The mixture matrix has few entries: threads make those they
// need.

import { GAUSSIAN_NORM, sigmaBounds } from "@gmr-conv/core";
import { kernelConfig, RingMix, RingMixBackpropSigmas, RingMixBackpropWeights } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { backendOf } from "../backend.ts";
import { elements, makeTensor, run, type Shader } from "../program.ts";
import { CHUNK, sumAxis } from "./sums.ts";

/** G[r, l], see `mixtureMatrix` of `@gmr-conv/core`. */
const MIXTURE = `
  fn sigmaOf(r : i32) -> f32 { return clamp(exp(logSigmas[r]), uniforms.fMin, uniforms.fMax); }
  fn mixture(r : i32, l : i32) -> f32 {
    let sigma = sigmaOf(r);
    let distance = f32(l - r) / sigma;
    return exp(-0.5 * distance * distance) / (sigma * ${GAUSSIAN_NORM});
  }`;

const MIX_UNIFORMS = ["total", "rings", "inner", "fMin", "fMax"];

function mixShader(name: string, factor: string): Shader {
  return {
    name,
    inputs: { source: 1, logSigmas: 1 },
    output: 1,
    uniforms: MIX_UNIFORMS,
    code: `
      ${MIXTURE}
      fn main(index : i32) {
        if (index >= uniforms.total) { return; }
        let row = index / uniforms.inner;
        let column = index % uniforms.inner;
        var sum = 0.0;
        for (var other = 0; other < uniforms.rings; other++) {
          sum += ${factor} * source[other * uniforms.inner + column];
        }
        result[index] = sum;
      }`,
  };
}

const MIX = mixShader("ring-mix", "mixture(other, row)");
const MIX_TRANSPOSED = mixShader("ring-mix-transposed", "mixture(row, other)");

function sizes(weights: tf.TensorInfo, { shape: [rings] }: tf.TensorInfo): Record<string, number> {
  const [fMin, fMax] = sigmaBounds(rings);
  return { total: elements(weights), rings, inner: elements(weights) / rings, fMin, fMax };
}

function mix(
  stockBackend: object,
  shader: Shader,
  source: tf.TensorInfo,
  logSigmas: tf.TensorInfo,
): tf.TensorInfo {
  const backend = backendOf(stockBackend);
  const y = makeTensor(backend, source.shape);
  const uniforms = sizes(source, logSigmas);
  if (uniforms.total > 0) run(backend, shader, [source, logSigmas], uniforms, uniforms.total, y);
  return y;
}

export const ringMixConfig = kernelConfig(RingMix, "webgpu", ({ weights, logSigmas }, _attrs, backend) =>
  mix(backend, MIX, weights, logSigmas),
);

export const ringMixBackpropWeightsConfig = kernelConfig(
  RingMixBackpropWeights,
  "webgpu",
  ({ dy, logSigmas }, _attrs, backend) => mix(backend, MIX_TRANSPOSED, dy, logSigmas),
);

/** Sums [chunks, R], each over the columns of a chunk: Σ_l G[r, l] (((l - r)/σ_r)² - 1) dW'_l · w_r. */
const SIGMA_SUMS: Shader = {
  name: "ring-sigma-sums",
  inputs: { dy: 1, weights: 1, logSigmas: 1 },
  output: 1,
  uniforms: MIX_UNIFORMS,
  code: `
    ${MIXTURE}
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let r = index % uniforms.rings;
      let first = index / uniforms.rings * ${CHUNK};
      let end = min(first + ${CHUNK}, uniforms.inner);
      let sigma = exp(logSigmas[r]);
      var sum = 0.0;
      if (sigma >= uniforms.fMin && sigma <= uniforms.fMax) {
        for (var l = 0; l < uniforms.rings; l++) {
          var dot = 0.0;
          for (var i = first; i < end; i++) {
            dot += dy[l * uniforms.inner + i] * weights[r * uniforms.inner + i];
          }
          let distance = f32(l - r) / sigma;
          sum += mixture(r, l) * (distance * distance - 1.0) * dot;
        }
      }
      result[index] = sum;
    }`,
};

export const ringMixBackpropSigmasConfig = kernelConfig(
  RingMixBackpropSigmas,
  "webgpu",
  ({ dy, weights, logSigmas }, _attrs, stockBackend) => {
    const backend = backendOf(stockBackend);
    const [rings] = logSigmas.shape;
    if (elements(weights) === 0) return backend.makeTensorInfo([rings], "float32", new Float32Array(rings));
    const { inner, fMin, fMax } = sizes(weights, logSigmas);
    const chunks = Math.ceil(inner / CHUNK);
    const threads = chunks * rings;
    const parts = makeTensor(backend, [threads]);
    const uniforms = { total: threads, rings, inner, fMin, fMax };
    run(backend, SIGMA_SUMS, [dy, weights, logSigmas], uniforms, threads, parts);
    const total = sumAxis(backend, parts, { outer: 1, length: chunks, inner: rings });
    backend.disposeData(parts.dataId);
    return { ...total, shape: [rings] };
  },
);
