import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { afterEach, expect } from "vitest";
import { useWebGpu } from "../src/index.ts";

/**
 * Makes WebGPU the active backend, or prints why the tests of a file are skipped and returns true. From then on every
 * test of the file fails after which the device reports an error: WebGPU itself throws none, and goes on with zeros.
 */
export async function isWebGpuMissing(): Promise<boolean> {
  try {
    await useWebGpu();
  } catch (error) {
    console.warn(`Tests on WebGPU are skipped: ${error instanceof Error ? error.message : String(error)}`);
    return true;
  }
  const { device } = webGpuBackend();
  // The first error is the cause; those that follow from it would bury it.
  let error: string | undefined;
  device.addEventListener("uncapturederror", (event) => {
    error ??= event.error.message;
  });
  afterEach(async () => {
    await device.queue.onSubmittedWorkDone();
    const reported = error;
    error = undefined;
    expect(reported).toBeUndefined();
  });
  return false;
}

/** The active backend. */
export function webGpuBackend(): WebGPUBackend {
  return tf.backend() as WebGPUBackend;
}
