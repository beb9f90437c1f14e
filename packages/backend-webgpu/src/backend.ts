// The stock backend on a device of our own, and what it runs on.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { attach, attached, webGpu } from "./attach.ts";
import {
  checkOptions,
  describeAdapter,
  requestAdapter,
  requestDevice,
  type WebGpuAdapter,
  type WebGpuOptions,
} from "./device.ts";
import type { Gpu } from "./gpu.ts";

/**
 * The adapter on which {@link useWebGpu} would start, without starting anything.
 * @throws GmrError `unsupported` if WebGPU or an adapter is missing, saying which; `invalid-argument` for invalid
 *   options
 */
export async function queryWebGpuAdapter(options: WebGpuOptions = {}): Promise<WebGpuAdapter> {
  checkOptions(options);
  const { info, features } = await requestAdapter(options);
  return describeAdapter(info ?? {}, features);
}

/**
 * What the active backend runs on.
 * @throws GmrError `unsupported` if it is not a WebGPU backend of ours
 */
export function webGpuAdapter(): WebGpuAdapter {
  return activeGpu().adapter;
}

/** The state of the active backend. @throws GmrError `unsupported` if it is not a WebGPU backend of ours */
export function activeGpu(): Gpu {
  const gpu = attached.get(tf.backend());
  if (gpu) return gpu;
  throw new GmrError("unsupported", `the active backend must be ${webGpu.name}, got ${tf.getBackend()}`);
}

/** Sets the options that a running backend can adopt. */
export function applyOptions(gpu: Gpu, { sums, onDeviceLost }: WebGpuOptions): void {
  if (sums) gpu.sumFormat = sums;
  if (onDeviceLost) gpu.lostListeners.add(onDeviceLost);
}

/**
 * Starts the stock backend of `@tensorflow/tfjs-backend-webgpu`: in browsers on `navigator.gpu`, in Node on Dawn (the
 * npm package `webgpu`), which becomes `navigator.gpu` there. The backend is not registered; {@link useWebGpu} does
 * everything.
 *
 * @throws GmrError `unsupported` if WebGPU, an adapter or a device is missing, saying which; `invalid-argument` for
 *   invalid options
 */
export async function createWebGpuBackend(options: WebGpuOptions = {}): Promise<WebGPUBackend> {
  checkOptions(options);
  const adapter = await requestAdapter(options);
  const backend = new WebGPUBackend(await requestDevice(adapter), adapter.info);
  applyOptions(attach(backend, describeAdapter(adapter.info ?? {}, adapter.features)), options);
  return backend;
}
