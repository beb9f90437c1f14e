import * as tf from "@tensorflow/tfjs";
import * as tfjs from "../index.ts";

/** The names of all kernels that the ops of this package run, sorted. */
export function kernelNames(): string[] {
  return Object.values(tfjs)
    .flatMap((value) =>
      typeof value === "object" && "name" in value && "check" in value ? [String(value.name)] : [],
    )
    .sort();
}

/**
 * The kernels that a backend lacks, so that the ops are composed of stock ones there. A backend that tests its list
 * cannot miss a new kernel.
 * @param backendName as in `tf.setBackend`
 */
export function missingKernels(backendName = tf.getBackend()): string[] {
  return kernelNames().filter((name) => tf.getKernel(name, backendName) == null);
}
