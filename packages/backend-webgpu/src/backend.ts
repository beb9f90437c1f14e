// The stock backend on a device of ours.

import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { SumFormat } from "./conv/sums.ts";
import { checkOptions, requestAdapter, requestDevice, type WebGpuOptions } from "./device.ts";
import { mendShaders } from "./shaderText.ts";

/** Why the device of a backend was lost. */
const lost = new WeakMap<object, string>();

export interface WebGpuAdapter {
  /** As the driver describes it. */
  name: string;
  /** Whether it is a program for the CPU. */
  software: boolean;
  /** Whether `tf.time` can tell what kernels take on the GPU. */
  timestamps: boolean;
}

/** What backends run on. */
const adapters = new WeakMap<object, WebGpuAdapter>();

const sumFormats = new WeakMap<object, SumFormat>();

/** How a backend keeps the sums of rings. */
export function sumFormat(backend: object): SumFormat {
  return sumFormats.get(backend) ?? "f32";
}

/** Whether a backend computes on the CPU, where workgroup memory and barriers cost more than they save. */
export function isSoftware(backend: object): boolean {
  return adapters.get(backend)?.software ?? false;
}

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render/i;

function describeAdapter(
  { isFallbackAdapter = false, architecture, description, device, vendor }: Partial<GPUAdapterInfo>,
  features: GPUSupportedFeatures,
): WebGpuAdapter {
  const timestamps = features.has("timestamp-query");
  const name = description || [vendor, architecture, device].filter(Boolean).join(" ") || "unnamed";
  const software = isFallbackAdapter || SOFTWARE.test([name, architecture, device, vendor].join());
  return { name, software, timestamps };
}

/**
 * The adapter that {@link useWebGpu} would start on, without starting anything.
 * @throws GmrError `unsupported` where WebGPU or an adapter is missing, naming which; `invalid-argument` for options
 *   that are none
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
  const adapter = adapters.get(tf.backend());
  if (adapter) return adapter;
  throw new GmrError("unsupported", `the active backend must be webgpu, got ${tf.getBackend()}`);
}

/** Whether a backend is the stock one, with its device. */
export function isUsable(backend: unknown): backend is WebGPUBackend {
  return backend instanceof WebGPUBackend && !lost.has(backend);
}

/** The backend that a kernel was called with. */
export function backendOf(backend: object): WebGPUBackend {
  if (isUsable(backend)) return backend;
  if (lost.has(backend)) throw lostError(backend);
  throw new GmrError("internal", "the webgpu backend is not that of @tensorflow/tfjs-backend-webgpu");
}

function lostError(backend: object): GmrError {
  return new GmrError(
    "device-lost",
    `the WebGPU device was lost (${lost.get(backend)}), and the numbers of its tensors: call useWebGpu() for a new one, ` +
      "or take another backend, and give the model its weights again",
  );
}

/** From now on whatever needs the device says that it is gone: the stock backend would go on with zeros. */
function lose(backend: WebGPUBackend, reason: string): void {
  lost.set(backend, reason);
  backend.runWebGPUProgram = () => {
    throw lostError(backend);
  };
}

/** How long a failed read waits to be told that the device was lost. */
const TOLD_WITHIN_MS = 100;

/** Lets reads fail with the reason; the stock backend gives zeros for a device that was lost. */
function guardReads(backend: WebGPUBackend): void {
  const [read, readSync] = [backend.read.bind(backend), backend.readSync.bind(backend)];
  const isKept = (dataId: object): boolean => Boolean(backend.tensorMap.get(dataId)?.values);
  backend.read = async (dataId) => {
    if (lost.has(backend) && !isKept(dataId)) throw lostError(backend);
    try {
      return await read(dataId);
    } catch (error) {
      const late = new Promise((resolve) => setTimeout(resolve, TOLD_WITHIN_MS));
      await Promise.race([backend.device.lost, late]);
      throw lost.has(backend) ? lostError(backend) : error;
    }
  };
  backend.readSync = (dataId) => {
    if (isKept(dataId)) return readSync(dataId);
    if (lost.has(backend)) throw lostError(backend);
    if (typeof OffscreenCanvas === "function") return readSync(dataId);
    throw new GmrError(
      "unsupported",
      "numbers on WebGPU cannot be read at once here, nor moved to another backend: use `await tensor.data()`",
    );
  };
}

type LostListener = (reason: string) => void;

const listeners = new WeakMap<object, Set<LostListener>>();

/** Makes a backend known, so that the loss of its device is noticed. */
function watch(backend: WebGPUBackend, adapter: WebGpuAdapter): void {
  adapters.set(backend, adapter);
  mendShaders(backend.device);
  guardReads(backend);
  const destroy = backend.device.destroy.bind(backend.device);
  backend.device.destroy = () => {
    lose(backend, "destroyed"); // before the promise below is told
    return destroy();
  };
  const told = new Set<LostListener>();
  listeners.set(backend, told);
  void backend.device.lost.then(({ reason, message }) => {
    const text = message ? `${reason}: ${message}` : reason;
    lose(backend, text);
    if (told.size === 0) console.warn(`GMR-Conv: the WebGPU device was lost (${text})`);
    for (const listener of told) listener(text);
  });
}

/** Takes over a backend that somebody else has started. */
export function adopt(backend: WebGPUBackend): void {
  if (adapters.has(backend)) return;
  const { adapterInfo, features } = backend.device;
  watch(backend, describeAdapter(adapterInfo ?? {}, features));
}

/** Options that a running backend can take over. */
export function applyOptions(backend: WebGPUBackend, { sums, onDeviceLost }: WebGpuOptions): void {
  if (sums) sumFormats.set(backend, sums);
  if (onDeviceLost) listeners.get(backend)?.add(onDeviceLost);
}

/**
 * Starts the stock backend of `@tensorflow/tfjs-backend-webgpu`: in browsers on `navigator.gpu`, in Node on Dawn, the npm
 * package `webgpu`, which then is `navigator.gpu` there. It is not registered: {@link useWebGpu} does all.
 *
 * @throws GmrError `unsupported` where WebGPU, an adapter or a device is missing, naming which; `invalid-argument` for
 *   options that are none
 */
export async function createWebGpuBackend(options: WebGpuOptions = {}): Promise<WebGPUBackend> {
  checkOptions(options);
  const adapter = await requestAdapter(options);
  const backend = new WebGPUBackend(await requestDevice(adapter), adapter.info);
  watch(backend, describeAdapter(adapter.info ?? {}, adapter.features));
  applyOptions(backend, options);
  return backend;
}
