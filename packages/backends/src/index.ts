// The first backend that works here: TensorFlow's native library, a GPU through WebGPU, WebAssembly, plain JavaScript.

import type { UseNodeOptions } from "@gmr-conv/backend-node";
import type { UseWasmOptions } from "@gmr-conv/backend-wasm";
import type { WebGpuOptions } from "@gmr-conv/backend-webgpu";
import { describeValue, GmrError, isNode, reasonOf } from "@gmr-conv/core";
import { registerLayers, startBackend } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

export const BACKEND_NAMES = ["node", "webgpu", "wasm", "cpu"] as const;

/** `node`: TensorFlow's native library, CUDA included. `cpu`: plain JavaScript, slow and everywhere. */
export type BackendName = (typeof BACKEND_NAMES)[number];

export interface SelectBackendOptions {
  node?: UseNodeOptions | undefined;
  webgpu?: WebGpuOptions | undefined;
  wasm?: UseWasmOptions | undefined;
  /** Take a WebGPU adapter that is a program for the CPU, too: `wasm` is faster. Default false. */
  softwareAdapter?: boolean | undefined;
}

export interface BackendSelection {
  backend: BackendName;
  /** The backends before it, and why they were not taken. */
  skipped: { backend: BackendName; reason: string }[];
}

/**
 * Starts the first of some backends that works here, and makes it the active one. Each is loaded only when its turn comes.
 *
 * @param names in the order of preference; default: all
 * @throws GmrError `invalid-argument` for an empty list, an unknown name or an option that is none; `unsupported`, with
 *   the reason of each, if none works
 */
export async function selectBackend(
  names: readonly BackendName[] = BACKEND_NAMES,
  options: SelectBackendOptions = {},
): Promise<BackendSelection> {
  const unknown = names.find((name) => !Object.hasOwn(STARTERS, name));
  if (names.length === 0 || unknown !== undefined) {
    const got = describeValue(names.length === 0 ? names : unknown);
    throw new GmrError(
      "invalid-argument",
      `expected names of backends (${BACKEND_NAMES.join(", ")}), got ${got}`,
    );
  }
  const skipped: BackendSelection["skipped"] = [];
  for (const backend of names) {
    try {
      await STARTERS[backend](options);
      return { backend, skipped };
    } catch (error) {
      // A wrong option is a mistake, not a reason to go on with something slower.
      const mistaken = error instanceof GmrError && error.code === "invalid-argument";
      if (names.length === 1 || mistaken) throw error;
      skipped.push({ backend, reason: reasonOf(error) });
    }
  }
  const reasons = skipped.map(({ backend, reason }) => `${backend}: ${reason}`).join("; ");
  throw new GmrError("unsupported", `no backend works here: ${reasons}`);
}

/** `took wasm; webgpu: this browser has no WebGPU (navigator.gpu)`. */
export function formatSelection({ backend, skipped }: BackendSelection): string {
  return [`took ${backend}`, ...skipped.map((entry) => `${entry.backend}: ${entry.reason}`)].join("; ");
}

const STARTERS: Readonly<Record<BackendName, (options: SelectBackendOptions) => Promise<void>>> = {
  async node({ node }) {
    if (!isNode()) throw new GmrError("unsupported", "it runs in Node only");
    const name = "@gmr-conv/backend-node"; // Not a literal: bundlers for browsers must not look for it.
    const { useNode } = (await import(
      /* @vite-ignore */ /* webpackIgnore: true */ name
    )) as typeof import("@gmr-conv/backend-node");
    await useNode(node);
  },
  async webgpu({ webgpu, softwareAdapter = false }) {
    const { queryWebGpuAdapter, useWebGpu } = await import("@gmr-conv/backend-webgpu");
    const { name, software } = await queryWebGpuAdapter(webgpu);
    if (software && !softwareAdapter) {
      throw new GmrError("unsupported", `its adapter is a program for the CPU (${name})`);
    }
    await useWebGpu(webgpu);
  },
  async wasm({ wasm }) {
    const { useWasm } = await import("@gmr-conv/backend-wasm");
    await useWasm(wasm);
  },
  async cpu() {
    if (!tf.findBackendFactory("cpu")) throw new GmrError("unsupported", "it is not registered");
    await startBackend(() => tf.setBackend("cpu"));
    registerLayers();
  },
};
