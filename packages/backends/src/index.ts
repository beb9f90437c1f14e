// Selects the first backend that works: TensorFlow's native library, a GPU through WebGPU, WebAssembly, plain
// JavaScript.

import type { UseNodeOptions } from "@gmr-conv/backend-node";
import type { UseWasmOptions } from "@gmr-conv/backend-wasm";
import type { WebGpuOptions } from "@gmr-conv/backend-webgpu";
import { checkKeys, describeValue, GmrError, isNode, type KeysOf, reasonOf } from "@gmr-conv/core";
import { registerLayers, startBackend } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";

export const BACKEND_NAMES = ["node", "webgpu", "wasm", "cpu"] as const;

/** `node`: TensorFlow's native library, CUDA included. `cpu`: plain JavaScript, slow but available everywhere. */
export type BackendName = (typeof BACKEND_NAMES)[number];

/** What `tf.setBackend` calls them. */
const TENSORFLOW_NAMES: Readonly<Record<BackendName, string>> = {
  node: "tensorflow",
  webgpu: "webgpu",
  wasm: "wasm",
  cpu: "cpu",
};

/** The active backend; undefined if it is none of these. */
export function activeBackend(): BackendName | undefined {
  return BACKEND_NAMES.find((name) => TENSORFLOW_NAMES[name] === tf.getBackend());
}

export interface SelectBackendOptions {
  node?: UseNodeOptions | undefined;
  webgpu?: WebGpuOptions | undefined;
  wasm?: UseWasmOptions | undefined;
  /** Also accept a software WebGPU adapter; `wasm` is faster. Default false. */
  softwareAdapter?: boolean | undefined;
}

const KEYS: KeysOf<SelectBackendOptions> = { node: true, webgpu: true, wasm: true, softwareAdapter: true };
const NODE_KEYS: KeysOf<UseNodeOptions> = {
  package: true,
  threads: true,
  deterministic: true,
  kernels: true,
  cache: true,
};
const WASM_KEYS: KeysOf<UseWasmOptions> = { wasmPaths: true, threads: true, relaxedSimd: true };
const WEBGPU_KEYS: KeysOf<WebGpuOptions> = {
  powerPreference: true,
  forceFallbackAdapter: true,
  sums: true,
  onDeviceLost: true,
};

/** Also checks the options of backends that may not be loaded, so that a typing error shows wherever the code runs. */
function checkOptions(options: SelectBackendOptions): void {
  const { node, webgpu, wasm } = checkKeys("the options of selectBackend", options, KEYS);
  if (node !== undefined) checkKeys("the options of selectBackend's node", node, NODE_KEYS);
  if (webgpu !== undefined) checkKeys("the options of selectBackend's webgpu", webgpu, WEBGPU_KEYS);
  if (wasm !== undefined) checkKeys("the options of selectBackend's wasm", wasm, WASM_KEYS);
}

export interface BackendSelection {
  backend: BackendName;
  /** The backends tried before it, and why they were rejected. */
  skipped: { backend: BackendName; reason: string }[];
}

/**
 * Starts the first of some backends that works here, and makes it the active one. Each is loaded only when tried.
 *
 * @param names in order of preference; default: all
 * @throws GmrError `invalid-argument` for an empty list, an unknown name or an invalid option; `unsupported`, with the
 *   reason for each, if none works
 *
 * @example
 * const { backend } = await selectBackend(); // the first that works here: "webgpu", "wasm" or "node"
 * await selectBackend(["webgpu", "wasm"], { wasm: { threads: 4 } });
 */
export async function selectBackend(
  names: readonly BackendName[] = BACKEND_NAMES,
  options: SelectBackendOptions = {},
): Promise<BackendSelection> {
  checkOptions(options);
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
      // An invalid option is a mistake, not a reason to fall back to something slower.
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
    if (!isNode()) throw new GmrError("unsupported", "it runs only in Node");
    const name = "@gmr-conv/backend-node"; // Not a literal: bundlers for browsers must not resolve it.
    const { useNode } = (await import(
      /* @vite-ignore */ /* webpackIgnore: true */ name
    )) as typeof import("@gmr-conv/backend-node");
    await useNode(node);
  },
  async webgpu({ webgpu, softwareAdapter = false }) {
    const { queryWebGpuAdapter, useWebGpu } = await import("@gmr-conv/backend-webgpu");
    const { name, software } = await queryWebGpuAdapter(webgpu);
    if (software && !softwareAdapter) {
      throw new GmrError("unsupported", `it has only a software adapter (${name})`);
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
