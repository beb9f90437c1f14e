// Finding WebGPU: the browser's own or, in Node, Dawn from the npm package `webgpu`.

import { checkKeys, describeValue, GmrError, isNode, type KeysOf, reasonOf } from "@gmr-conv/core";
import type { SumFormat } from "./conv/sumFormat.ts";

export interface WebGpuOptions {
  /** Which adapter to prefer if there are several. Default "high-performance". */
  powerPreference?: "low-power" | "high-performance" | undefined;
  /** Ask for a software adapter. Default false. */
  forceFallbackAdapter?: boolean | undefined;
  /**
   * How the sums of rings are kept between the pass that makes and the pass that multiplies them. `"f16"` halves that
   * traffic at the cost of accuracy: errors of some 1e-4 of the largest value, and sums beyond 65,504 overflow. Default
   * "f32".
   */
  sums?: SumFormat | undefined;
  /** Called with the reason when the device is lost. Default: a warning on the console. */
  onDeviceLost?: ((reason: string) => void) | undefined;
}

const KEYS: KeysOf<WebGpuOptions> = {
  powerPreference: true,
  forceFallbackAdapter: true,
  sums: true,
  onDeviceLost: true,
};

export interface WebGpuAdapter {
  /** As the driver describes it. */
  name: string;
  /** Whether it computes on the CPU. */
  software: boolean;
  /** Whether `tf.time` can tell how long kernels take on the GPU. */
  timestamps: boolean;
}

/** @throws GmrError `invalid-argument`, naming the option */
export function checkOptions(options: WebGpuOptions): void {
  const { powerPreference, sums } = checkKeys("the options of useWebGpu", options, KEYS);
  const check = (name: string, value: unknown, allowed: readonly unknown[]): void => {
    if (value === undefined || allowed.includes(value)) return;
    const choices = allowed.map(describeValue).join(" or ");
    throw new GmrError("invalid-argument", `${name} must be ${choices}, got ${describeValue(value)}`);
  };
  check("powerPreference", powerPreference, ["low-power", "high-performance"]);
  check("sums", sums, ["f32", "f16"]);
}

/** The entry point of WebGPU. In Node it comes from Dawn and becomes `navigator.gpu`, as in browsers. */
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

/** What the stock backend and our shaders use, if the adapter has it. */
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
 * @throws GmrError `unsupported` if there is no WebGPU or no adapter, saying which
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

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render/i;

export function describeAdapter(
  { isFallbackAdapter = false, architecture, description, device, vendor }: Partial<GPUAdapterInfo>,
  features: GPUSupportedFeatures,
): WebGpuAdapter {
  const timestamps = features.has("timestamp-query");
  const name = description || [vendor, architecture, device].filter(Boolean).join(" ") || "unnamed";
  const software = isFallbackAdapter || SOFTWARE.test([name, architecture, device, vendor].join());
  return { name, software, timestamps };
}

/**
 * A device with everything above that the adapter offers.
 * @throws GmrError `unsupported` if it gives none
 */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  try {
    return await adapter.requestDevice({
      requiredFeatures: FEATURES.filter((name) => adapter.features.has(name)),
      requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
    });
  } catch (error) {
    throw new GmrError("unsupported", `the WebGPU adapter gave no device: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}
