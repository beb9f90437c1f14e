// The Gaussian mixture of ring weights and its gradients. The mixture matrix is small: threads compute the entries
// that they need.

import { GAUSSIAN_NORM, sigmaBounds } from "@gmr-conv/core";
import { RingMix, RingMixBackpropSigmas, RingMixBackpropWeights } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { webGpu } from "../attach.ts";
import { elements, type Gpu } from "../gpu.ts";
import type { Shader } from "../shader.ts";
import { CHUNK, sumAxis } from "../sumAxis.ts";

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

function mix(gpu: Gpu, shader: Shader, source: tf.TensorInfo, logSigmas: tf.TensorInfo): tf.TensorInfo {
  const y = gpu.tensor(source.shape);
  const uniforms = sizes(source, logSigmas);
  if (uniforms.total > 0) gpu.run(shader, [source, logSigmas], uniforms, uniforms.total, y);
  return y;
}

/** [chunks, R], of the columns of each chunk: Σ_l G[r, l] (((l - r)/σ_r)² - 1) dW'_l · w_r. */
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

export const mixtureKernels = [
  webGpu.kernel(RingMix, ({ weights, logSigmas }, _attrs, gpu) => mix(gpu, MIX, weights, logSigmas)),

  webGpu.kernel(RingMixBackpropWeights, ({ dy, logSigmas }, _attrs, gpu) =>
    mix(gpu, MIX_TRANSPOSED, dy, logSigmas),
  ),

  webGpu.kernel(RingMixBackpropSigmas, ({ dy, weights, logSigmas }, _attrs, gpu) => {
    const [rings] = logSigmas.shape;
    if (elements(weights) === 0) return gpu.zeros([rings]);
    const { inner, ...bounds } = sizes(weights, logSigmas);
    const chunks = Math.ceil(inner / CHUNK);
    const threads = chunks * rings;
    const parts = gpu.tensor([threads]);
    gpu.run(SIGMA_SUMS, [dy, weights, logSigmas], { ...bounds, inner, total: threads }, threads, parts);
    const total = sumAxis(gpu, parts, { outer: 1, length: chunks, inner: rings });
    gpu.dispose(parts);
    return { ...total, shape: [rings] };
  }),
];
