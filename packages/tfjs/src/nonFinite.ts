// Infinite and NaN pixels. One rule holds on every backend and for every strategy: a pixel outside every ring has no
// influence, and a sum that contains infinity stays infinite. Backends that multiply by 0/1 masks cannot follow it
// unaided, since 0 · ∞ is NaN; they are asked whether there are such pixels.

import * as tf from "@tensorflow/tfjs";

type Check = (x: tf.Tensor) => boolean;

const checks = new Map<string, Check>([["cpu", onCpu]]);

/**
 * Sets how to check, without waiting, whether a tensor holds non-finite numbers. For backends whose ring sums or dense
 * convolutions multiply by zeros.
 * @param backendName as in `tf.setBackend`
 */
export function setNonFiniteCheck(backendName: string, check: Check): void {
  checks.set(backendName, check);
}

/** Whether x holds non-finite numbers, on a backend where that needs care. */
export function holdsNonFinite(x: tf.Tensor): boolean {
  return checks.get(tf.getBackend())?.(x) ?? false;
}

function onCpu(x: tf.Tensor): boolean {
  const values = x.dataSync();
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return true;
  return false;
}
