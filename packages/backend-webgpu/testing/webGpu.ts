import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { afterEach, beforeEach, expect } from "vitest";
import { webGpu } from "../src/attach.ts";
import type { Gpu } from "../src/gpu.ts";
import { useWebGpu } from "../src/index.ts";

/**
 * Makes WebGPU the active backend, or prints why the tests of a file are skipped and returns true. From then on a
 * test of the file fails if its device reports an error: WebGPU itself throws none, and continues with zeros.
 */
export async function isWebGpuMissing(): Promise<boolean> {
  try {
    await useWebGpu();
  } catch (error) {
    if (!(error instanceof GmrError && error.code === "unsupported")) throw error;
    console.warn(`Tests on WebGPU are skipped: ${error.message}`);
    return true;
  }
  // The first error is the cause; those that it leads to would bury it.
  let error: string | undefined;
  const watched = new WeakSet<GPUDevice>();
  const watch = (): void => {
    if (tf.getBackend() !== "webgpu" || watched.has(webGpuBackend().device)) return;
    watched.add(webGpuBackend().device);
    webGpuBackend().device.addEventListener("uncapturederror", (event) => {
      error ??= event.error.message;
    });
  };
  watch();
  beforeEach(watch);
  afterEach(async () => {
    if (tf.getBackend() === "webgpu") await webGpuBackend().device.queue.onSubmittedWorkDone();
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

/** Our state of the active backend. */
export function activeState(): Gpu {
  return webGpu.stateOf(webGpuBackend());
}
