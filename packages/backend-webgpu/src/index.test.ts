import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { afterEach, describe, expect, it, vi } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { isWebGpuMissing, webGpuBackend } from "../testing/webGpu.ts";
import { sumFormat } from "./backend.ts";
import { createWebGpuBackend, queryWebGpuAdapter, useWebGpu, webGpuAdapter } from "./index.ts";

const convolve = (): tf.Tensor =>
  gmrConv2d(tf.ones<tf.Rank.R4>([1, 5, 5, 2]), tf.ones([2, 2, 1]), { kernelSize: 3 });

describe("without WebGPU", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("says that there is no driver", () => {
    const index = JSON.stringify(fileURLToPath(new URL("../dist/index.js", import.meta.url)));
    const program = `
      const { useWebGpu } = await import(${index});
      await useWebGpu().catch(({ code, message }) => console.log(code, message));`;
    const none = "/none"; // The Vulkan loader finds no driver there.
    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
      env: { ...process.env, VK_ICD_FILENAMES: none, VK_DRIVER_FILES: none },
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(printed).toMatch(/^unsupported WebGPU found no adapter: is there a driver for Vulkan/m);
  });

  it("says that there is no adapter, or no device", async () => {
    const requestAdapter = vi.fn(async (): Promise<unknown> => null);
    vi.stubGlobal("navigator", { gpu: { requestAdapter } });
    const none = "WebGPU found no adapter: is there a driver for Vulkan, Metal or Direct3D 12?"; // as in Node
    await expectGmrError(() => createWebGpuBackend(), "unsupported", none);
    requestAdapter.mockResolvedValue({
      features: new Set(),
      limits: {},
      requestDevice: async () => Promise.reject(new Error("out of handles")),
    });
    const reason = "the WebGPU adapter gave no device: out of handles";
    await expectGmrError(() => createWebGpuBackend(), "unsupported", reason);
  });

  it("does not tell of the adapter of another backend", async () => {
    await tf.setBackend("cpu");
    await expectGmrError(() => webGpuAdapter(), "unsupported", "the active backend must be webgpu, got cpu");
  });
});

const missing = await isWebGpuMissing();

describe.skipIf(missing)("useWebGpu", () => {
  it("starts one backend, and tells what it runs on", async () => {
    await useWebGpu();
    const backend = webGpuBackend();
    await Promise.all([useWebGpu(), useWebGpu()]);
    expect(tf.backend() === backend).toBe(true);
    expect(await queryWebGpuAdapter()).toEqual(webGpuAdapter());
    expect(webGpuAdapter()).toEqual({
      name: expect.stringMatching(/./),
      software: expect.any(Boolean),
      timestamps: expect.any(Boolean),
    });
    const y = tf.tidy(convolve);
    expect(Array.from(await y.data())).toEqual(Array(9).fill(18));
    y.dispose();
  });

  it("takes over a backend that runs already, and options of later calls", async () => {
    tf.removeBackend("webgpu");
    const adapter = await navigator.gpu.requestAdapter();
    const device = (await adapter?.requestDevice()) as GPUDevice;
    const stock = new WebGPUBackend(device, adapter?.info);
    tf.registerBackend("webgpu", () => stock, 3);
    await tf.setBackend("webgpu");
    const onDeviceLost = vi.fn();
    await useWebGpu({ sums: "f16", onDeviceLost });
    expect(tf.backend() === stock).toBe(true);
    expect(webGpuAdapter().name).toMatch(/./);
    expect(sumFormat(stock)).toBe("f16");
    await useWebGpu({ sums: "f32" });
    expect(sumFormat(stock)).toBe("f32");
    const y = tf.tidy(convolve);
    expect(Array.from(await y.data())).toEqual(Array(9).fill(18));
    y.dispose();
    device.destroy();
    await device.lost;
    expect(onDeviceLost).toHaveBeenCalledOnce();
    await useWebGpu();
    expect(tf.backend() === stock).toBe(false);
  });

  it("refuses options that are none", async () => {
    await expectGmrError(
      () => useWebGpu({ powerPreference: "high" as "low-power" }),
      "invalid-argument",
      'powerPreference must be "low-power" or "high-performance", got "high"',
    );
    const sums = 'sums must be "f32" or "f16", got "f8"';
    await expectGmrError(() => useWebGpu({ sums: "f8" as "f16" }), "invalid-argument", sums);
  });

  it("reports a device that is lost, and starts a new one", async () => {
    const onDeviceLost = vi.fn();
    tf.removeBackend("webgpu");
    await useWebGpu({ onDeviceLost });
    const lost = webGpuBackend();
    lost.device.destroy();
    await lost.device.lost;
    expect(onDeviceLost).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^destroyed/));
    const { numTensors } = tf.memory();
    const [[reason]] = onDeviceLost.mock.calls;
    const message = `the WebGPU device was lost (${reason}): call useWebGpu() for a new one`;
    await expectGmrError(() => tf.tidy(convolve), "device-lost", message);
    expect(tf.memory().numTensors).toBe(numTensors);

    await useWebGpu();
    expect(tf.backend() === lost).toBe(false);
    const y = tf.tidy(convolve);
    expect(Array.from(await y.data())).toEqual(Array(9).fill(18));
    y.dispose();
  });
});
