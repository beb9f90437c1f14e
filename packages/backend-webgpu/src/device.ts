// Finding WebGPU: the browser's own, or Dawn by the npm package `webgpu` in Node.

import { describeValue, GmrError, isNode, reasonOf } from "@gmr-conv/core";
import type { SumFormat } from "./conv/sums.ts";

export interface WebGpuOptions {
  /** Which of several adapters to prefer. Default "high-performance". */
  powerPreference?: "low-power" | "high-performance" | undefined;
  /** Ask for a software adapter. Default false. */
  forceFallbackAdapter?: boolean | undefined;
  /**
   * How the sums of rings are kept between the passes that make and multiply them. `"f16"` halves that traffic and costs
   * accuracy: errors of some 1e-4 of the largest value, and sums beyond 65,504 overflow. Default "f32".
   */
  sums?: SumFormat | undefined;
  /** Told when the device is lost, with the reason. Default: a warning on the console. */
  onDeviceLost?: ((reason: string) => void) | undefined;
}

/** @throws GmrError `invalid-argument`, naming the option */
export function checkOptions({ powerPreference, sums }: WebGpuOptions): void {
  const check = (name: string, value: unknown, allowed: readonly unknown[]): void => {
    if (value === undefined || allowed.includes(value)) return;
    const choices = allowed.map(describeValue).join(" or ");
    throw new GmrError("invalid-argument", `${name} must be ${choices}, got ${describeValue(value)}`);
  };
  check("powerPreference", powerPreference, ["low-power", "high-performance"]);
  check("sums", sums, ["f32", "f16"]);
}

/** The entry point of WebGPU, which Node gets from Dawn and from then on has as `navigator.gpu`, as in browsers. */
async function findGpu(): Promise<GPU> {
  if (globalThis.navigator?.gpu) return navigator.gpu;
  if (!isNode()) {
    const secure = globalThis.isSecureContext ? "" : ": it needs https or localhost";
    throw new GmrError("unsupported", `this browser has no WebGPU (navigator.gpu)${secure}`);
  }
  const name = "webgpu"; // Not a literal: bundlers for browsers must not look for it.
  const dawn = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name).catch((error: unknown) => {
    throw new GmrError("unsupported", `Node needs the npm package "webgpu" for WebGPU: ${reasonOf(error)}`, {
      cause: error,
    });
  })) as { create(options: string[]): GPU; globals: object };
  Object.assign(globalThis, dawn.globals);
  if (!globalThis.navigator)
    Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  Object.defineProperty(navigator, "gpu", { value: dawn.create([]), configurable: true });
  return navigator.gpu;
}

/** What the stock backend and our shaders ask for, where the adapter has it. */
const FEATURES = ["timestamp-query", "bgra8unorm-storage", "subgroups"] as const;
const LIMITS = [
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupSizeX",
  "maxComputeInvocationsPerWorkgroup",
] as const;

/**
 * The preferred adapter.
 * @throws GmrError `unsupported` where there is no WebGPU or no adapter, naming which
 */
export async function requestAdapter(options: WebGpuOptions): Promise<GPUAdapter> {
  const gpu = await findGpu();
  const { powerPreference = "high-performance", forceFallbackAdapter = false } = options;
  const adapter = await gpu.requestAdapter({ powerPreference, forceFallbackAdapter });
  if (!adapter) {
    const hint = isNode()
      ? "is there a driver for Vulkan, Metal or Direct3D 12"
      : "is it blocked or switched off";
    throw new GmrError("unsupported", `WebGPU found no adapter: ${hint}?`);
  }
  return adapter;
}

/**
 * A device of an adapter, with all that it can do.
 * @throws GmrError `unsupported` if it gives none
 */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  try {
    const device = await adapter.requestDevice({
      requiredFeatures: FEATURES.filter((name) => adapter.features.has(name)),
      requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
    });
    return device;
  } catch (error) {
    throw new GmrError("unsupported", `the WebGPU adapter gave no device: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}
