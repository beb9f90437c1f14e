// Batch normalisation over the parts of a batch that several processes have.

import * as tf from "@tensorflow/tfjs";
import {
  type BatchNormResult,
  type BatchNormTrainingAttrs,
  BatchNormTrainingParamGrad,
  batchNormTraining,
  normalise,
  openness,
  rectified,
} from "./batchNorm.ts";
import { runOrComposeMulti } from "./kernels/run.ts";

/** Replaces numbers by their sums over all processes. */
export type SumOverProcesses = (values: Float64Array) => void;

let sumOverProcesses: SumOverProcesses | undefined;

/**
 * Lets the batch normalisation layers of networks that `work` trains use the statistics of the whole batch, of which
 * each process has a part. All processes must do the same work. Needs a backend whose tensors can be read at once, which
 * those of WebGPU cannot.
 *
 * @param sum called for each layer, in the forward and in the backward pass
 */
export function withSynchronizedBatchNorm<T>(sum: SumOverProcesses, work: () => T): T {
  const before = sumOverProcesses;
  sumOverProcesses = sum;
  try {
    return work();
  } finally {
    sumOverProcesses = before;
  }
}

/** As {@link batchNormTraining}, with the rows of all processes, and their number, within {@link withSynchronizedBatchNorm}. */
export function batchNormOfProcesses<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  epsilon: number,
  slope: number,
): BatchNormResult<T> & { count: number } {
  const count = x.size / gamma.size;
  const attrs = { epsilon, slope, perImage: false };
  if (sumOverProcesses) return synchronized(x, gamma, beta, attrs, sumOverProcesses);
  return { ...(normalise(x, gamma, beta, attrs) as BatchNormResult<T>), count };
}

function synchronized<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  attrs: BatchNormTrainingAttrs,
  sum: SumOverProcesses,
): BatchNormResult<T> & { count: number } {
  const { epsilon, slope } = attrs;
  const channels = gamma.size;
  const moments = momentsOf(x, channels);
  sum(moments);
  const count = moments[2 * channels];
  // Between processes in float64: E[x²] - E[x]² loses nothing there.
  const means = Float64Array.from(moments.subarray(0, channels), (value) => value / count);
  const variances = Float64Array.from(means, (mean, c) =>
    Math.max(0, moments[channels + c] / count - mean * mean),
  );
  const mean = tf.tensor1d(Float32Array.from(means));
  const variance = tf.tensor1d(Float32Array.from(variances));
  const applied = tf.customGrad((...given) => {
    const [input, scale, offset, save] = given as unknown as [
      tf.Tensor,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.GradSaveFunc,
    ];
    const inverse = variance.add(epsilon).rsqrt();
    const factor = inverse.mul(scale);
    const y = input.mul(factor).add(offset.sub(mean.mul(factor)));
    const value = rectified(y, slope);
    save([input, scale, offset, value, mean, variance]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradientOf(dy, saved, attrs, count, sum),
    };
  });
  return { y: applied(x, gamma, beta) as T, mean, variance, count };
}

/** [Σx for each channel, Σx² for each channel, number of rows]. */
function momentsOf(x: tf.Tensor, channels: number): Float64Array {
  const rows = x.size / channels;
  const moments = new Float64Array(2 * channels + 1);
  moments[2 * channels] = rows;
  const [means, variances] = tf.tidy(() => {
    const { mean, variance } = batchNormTraining(x, tf.ones([channels]), tf.zeros([channels]));
    return [mean.dataSync(), variance.dataSync()];
  });
  for (let c = 0; c < channels; c++) {
    moments[c] = rows * means[c];
    moments[channels + c] = rows * (variances[c] + means[c] * means[c]);
  }
  return moments;
}

/** With x̂ = (x - mean)/√(var + ε) and sums over the rows of all processes: dx = γ/√(var + ε) · (dy - Σdy/n - x̂ Σdyx̂/n). */
function gradientOf(
  dy: tf.Tensor,
  [x, gamma, beta, y, mean, variance]: tf.Tensor[],
  attrs: BatchNormTrainingAttrs,
  count: number,
  sum: SumOverProcesses,
): tf.Tensor[] {
  const channels = gamma.size;
  // y is positive where it was before the rectifier.
  const open = attrs.slope === 1 ? dy : dy.mul(openness(y, attrs.slope));
  const inputs = { dy, x, gamma, beta, mean, variance };
  const inverse = variance.add(attrs.epsilon).rsqrt();
  const [dGamma, dBeta] = runOrComposeMulti(BatchNormTrainingParamGrad, inputs, attrs, () => {
    const axes = x.shape.slice(0, -1).map((_, i) => i);
    return [open.mul(x.sub(mean).mul(inverse)).sum(axes), open.sum(axes)];
  });
  const sums = Float64Array.from([...dGamma.dataSync(), ...dBeta.dataSync()]);
  sum(sums);
  const vector = (values: Float64Array): tf.Tensor =>
    tf.tensor1d(Float32Array.from(values, (value) => value / count));
  const [products, plain] = [vector(sums.subarray(0, channels)), vector(sums.subarray(channels))];
  const factor = gamma.mul(inverse);
  const slope = factor.mul(inverse).mul(products);
  const dx = open
    .mul(factor)
    .sub(x.mul(slope))
    .add(mean.mul(slope).sub(factor.mul(plain)));
  return [dx, dGamma, dBeta];
}
