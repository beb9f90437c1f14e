// Pixels that are infinite or not numbers. One rule holds on every backend and for every strategy: a pixel outside every
// ring has no influence, and infinity stays infinity where the sum is. Backends that multiply by masks of zeros and ones cannot
// keep it by themselves, since 0 · ∞ is not a number; they are asked whether there are such pixels at all.

import * as tf from "@tensorflow/tfjs";

type Check = (x: tf.Tensor) => boolean;

const checks = new Map<string, Check>([["cpu", onCpu]]);

/**
 * Tells how to find out, without waiting, whether a tensor holds numbers that are not finite. For backends whose ring sums, or
 * whose dense convolutions, multiply by zeros.
 * @param backendName as in `tf.setBackend`
 */
export function setNonFiniteCheck(backendName: string, check: Check): void {
  checks.set(backendName, check);
}

/** Whether x holds numbers that are not finite, on a backend where that needs care. */
export function holdsNonFinite(x: tf.Tensor): boolean {
  return checks.get(tf.getBackend())?.(x) ?? false;
}

function onCpu(x: tf.Tensor): boolean {
  const values = x.dataSync();
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return true;
  return false;
}
