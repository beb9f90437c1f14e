// Taking over a stock WebGPU backend: its shaders are mended, and the loss of its device is noticed.

import { GmrError } from "@gmr-conv/core";
import { backendKernels } from "@gmr-conv/tfjs";
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { describeAdapter, type WebGpuAdapter } from "./device.ts";
import { Gpu } from "./gpu.ts";
import { mendShaders } from "./shaderText.ts";

/** The states of the backends that were taken over. */
export const attached = new WeakMap<object, Gpu>();

/** Makes the kernels of this backend. */
export const webGpu = backendKernels("webgpu", (backend): Gpu => {
  const gpu = attached.get(backend) ?? adopt(backend);
  if (gpu.lost !== undefined) throw lostError(gpu.lost);
  return gpu;
});

/** Whether a backend is the stock one, with a device that was not lost. */
export function isUsable(backend: unknown): backend is WebGPUBackend {
  return backend instanceof WebGPUBackend && attached.get(backend)?.lost === undefined;
}

/** Takes over a backend that somebody else has started. */
function adopt(backend: object): Gpu {
  if (!(backend instanceof WebGPUBackend)) {
    throw new GmrError("internal", "the webgpu backend is not that of @tensorflow/tfjs-backend-webgpu");
  }
  const { adapterInfo, features } = backend.device;
  return attach(backend, describeAdapter(adapterInfo ?? {}, features));
}

/** Takes over a new backend. */
export function attach(backend: WebGPUBackend, adapter: WebGpuAdapter): Gpu {
  const gpu = new Gpu(backend, adapter);
  attached.set(backend, gpu);
  mendShaders(backend.device);
  guardReads(gpu);
  watchDevice(gpu);
  return gpu;
}

function lostError(reason: string): GmrError {
  return new GmrError(
    "device-lost",
    `the WebGPU device was lost (${reason}) along with the data of its tensors: call useWebGpu() for a new device, ` +
      "or switch to another backend, and load the model's weights again",
  );
}

/** From now on, whatever needs the device throws: the stock backend would continue with zeros. */
function lose(gpu: Gpu, reason: string): void {
  gpu.lost = reason;
  gpu.backend.runWebGPUProgram = () => {
    throw lostError(reason);
  };
}

function watchDevice(gpu: Gpu): void {
  const { device } = gpu.backend;
  const destroy = device.destroy.bind(device);
  device.destroy = () => {
    lose(gpu, "destroyed"); // before the promise below resolves
    return destroy();
  };
  void device.lost.then(({ reason, message }) => {
    const text = message ? `${reason}: ${message}` : reason;
    lose(gpu, text);
    if (gpu.lostListeners.size === 0) console.warn(`GMR-Conv: the WebGPU device was lost (${text})`);
    for (const listener of gpu.lostListeners) listener(text);
  });
}

/** How long a failed read waits for news that the device was lost. */
const TOLD_WITHIN_MS = 100;

/** Makes reads fail with the reason; the stock backend gives zeros once the device is lost. */
function guardReads(gpu: Gpu): void {
  const { backend } = gpu;
  const [read, readSync] = [backend.read.bind(backend), backend.readSync.bind(backend)];
  const isKept = (dataId: object): boolean => Boolean(backend.tensorMap.get(dataId)?.values);
  const checkDevice = (): void => {
    if (gpu.lost !== undefined) throw lostError(gpu.lost);
  };
  backend.read = async (dataId) => {
    if (!isKept(dataId)) checkDevice();
    try {
      return await read(dataId);
    } catch (error) {
      const late = new Promise((resolve) => setTimeout(resolve, TOLD_WITHIN_MS));
      await Promise.race([backend.device.lost, late]);
      checkDevice();
      throw error;
    }
  };
  backend.readSync = (dataId) => {
    if (isKept(dataId)) return readSync(dataId);
    checkDevice();
    if (typeof OffscreenCanvas === "function") return readSync(dataId);
    throw new GmrError(
      "unsupported",
      "values on WebGPU cannot be read synchronously here, nor moved to another backend: use `await tensor.data()`",
    );
  };
}
