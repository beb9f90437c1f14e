// Backends by name.

import os from "node:os";
import { installedPackages, nodeDevice, nodeThreads } from "@gmr-conv/backend-node";
import {
  activeBackend,
  type BackendName,
  type BackendSelection,
  type SelectBackendOptions,
  selectBackend,
} from "@gmr-conv/backends";
import { checkPositiveInteger } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { BACKEND_NAMES, type BackendChoice } from "./backendNames.ts";

export { activeBackend, type BackendName, formatSelection } from "@gmr-conv/backends";

interface UseBackendOptions {
  /** For wasm and node; default: GMR_THREADS, else all processors. */
  threads?: number | undefined;
  /** Called with the reason if the WebGPU device is lost. */
  onDeviceLost?: ((reason: string) => void) | undefined;
}

/** The backends that were activated; others stay unloaded. */
const modules: {
  wasm?: typeof import("@gmr-conv/backend-wasm");
  webgpu?: typeof import("@gmr-conv/backend-webgpu");
} = {};

/**
 * Activates a backend, or the first of several that works here.
 * @throws GmrError `unsupported` if none can start here
 */
export async function useBackend(
  choice: BackendChoice | readonly BackendName[],
  { threads, onDeviceLost }: UseBackendOptions = {},
): Promise<BackendSelection> {
  tf.env().set("PROD", true);
  const names = typeof choice === "string" ? candidates(choice) : choice;
  const options: SelectBackendOptions = {
    wasm: { threads },
    node: { threads: threads ?? threadsSetting() },
    webgpu: { onDeviceLost },
    // If only webgpu is named, it is used even on a software adapter.
    softwareAdapter: names.length === 1,
  };
  const selection = await selectBackend(names, options);
  if (selection.backend === "wasm") modules.wasm = await import("@gmr-conv/backend-wasm");
  if (selection.backend === "webgpu") modules.webgpu = await import("@gmr-conv/backend-webgpu");
  return selection;
}

/** The environment variable GMR_THREADS. @throws GmrError `invalid-argument` unless it is a positive integer */
export function threadsSetting(): number | undefined {
  const setting = process.env.GMR_THREADS;
  if (!setting) return undefined;
  const value = Number(setting);
  return checkPositiveInteger("GMR_THREADS", Number.isNaN(value) ? setting : value);
}

/** The backends that a choice stands for, in order. */
export function candidates(choice: BackendChoice): readonly BackendName[] {
  return choice === "auto" ? BACKEND_NAMES : [choice];
}

/** The backends to continue on after one was lost. */
export function backendsAfter(lost: BackendName): readonly BackendName[] {
  return BACKEND_NAMES.slice(BACKEND_NAMES.indexOf(lost) + 1);
}

/**
 * How many networks run at a time, each in its own thread. The native library has one thread pool for the whole
 * process, and its JavaScript binding does not support calls from several threads.
 */
export function atATime(backends: readonly BackendName[], networks: number): number {
  const native = backends[0] === "node" && installedPackages().some(({ binding }) => binding !== undefined);
  return native ? 1 : Math.min(networks, os.availableParallelism());
}

/** The device or threads of the backend that {@link useBackend} activated. */
export function describeBackend(): string {
  switch (activeBackend()) {
    case "webgpu": {
      if (!modules.webgpu) return "";
      const { name, software } = modules.webgpu.webGpuAdapter();
      return software ? `${name}, a software adapter` : name;
    }
    case "node": {
      const { kind, name, memory, driver, tensorflow, kernels } = nodeDevice();
      const gibibytes = memory > 0 ? `, ${(memory / 2 ** 30).toFixed(1)} GiB` : "";
      const more = [driver && `driver ${driver}`, kernels && `${kernels} kernels`].filter(Boolean);
      return [`TensorFlow ${tensorflow} on the ${kind} ${name}${gibibytes}`, ...more].join(", ");
    }
    case "wasm":
      return `${threadsInWords()}${modules.wasm?.wasmRelaxedSimd() ? ", relaxed SIMD" : ""}`;
    default:
      return threadsInWords();
  }
}

const threadsInWords = (): string => (activeThreads() === 1 ? "one thread" : `${activeThreads()} threads`);

/** Number of threads of the backend that {@link useBackend} activated. */
export function activeThreads(): number {
  if (activeBackend() === "wasm") return modules.wasm?.wasmThreads() ?? 1;
  return activeBackend() === "node" ? nodeThreads() : 1;
}
