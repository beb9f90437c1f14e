import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { isWebGpuMissing, webGpuBackend } from "../testing/webGpu.ts";
import { createWebGpuBackend, useWebGpu, webGpuAdapter } from "./index.ts";

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
    expect(webGpuAdapter()).toEqual({
      name: expect.stringMatching(/./),
      software: expect.any(Boolean),
      timestamps: expect.any(Boolean),
    });
    const y = tf.tidy(convolve);
    expect(Array.from(await y.data())).toEqual(Array(9).fill(18));
    y.dispose();
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
