import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { gmrConv2d, gmrConv2dLayer } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { afterEach, describe, expect, it, vi } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { isWebGpuMissing, webGpuBackend } from "../testing/webGpu.ts";
import { webGpu } from "./attach.ts";
import { createWebGpuBackend, queryWebGpuAdapter, useWebGpu, webGpuAdapter } from "./index.ts";

const convolve = (): tf.Tensor =>
  gmrConv2d(tf.ones<tf.Rank.R4>([1, 5, 5, 2]), tf.ones([2, 2, 1]), { kernelSize: 3 });

describe("without WebGPU", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("says that no driver was found", () => {
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

  it("describes no adapter for another backend", async () => {
    await tf.setBackend("cpu");
    await expectGmrError(() => webGpuAdapter(), "unsupported", "the active backend must be webgpu, got cpu");
  });
});

const missing = await isWebGpuMissing();

describe.skipIf(missing)("useWebGpu", () => {
  it("starts one backend, and says what it runs on", async () => {
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

  it("adopts a backend that is already running, and options of later calls", async () => {
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
    expect(webGpu.stateOf(stock).sumFormat).toBe("f16");
    await useWebGpu({ sums: "f32" });
    expect(webGpu.stateOf(stock).sumFormat).toBe("f32");
    const y = tf.tidy(convolve);
    expect(Array.from(await y.data())).toEqual(Array(9).fill(18));
    y.dispose();
    device.destroy();
    await device.lost;
    expect(onDeviceLost).toHaveBeenCalledOnce();
    await useWebGpu();
    expect(tf.backend() === stock).toBe(false);
  });

  it("refuses invalid options", async () => {
    await expectGmrError(
      () => useWebGpu({ powerPreference: "high" as "low-power" }),
      "invalid-argument",
      'powerPreference must be "low-power" or "high-performance", got "high"',
    );
    const sums = 'sums must be "f32" or "f16", got "f8"';
    await expectGmrError(() => useWebGpu({ sums: "f8" as "f16" }), "invalid-argument", sums);
  });

  it.each(["cpu", "webgpu"])(
    "never computes with zeros instead of lost weights, and accepts new weights, on %s",
    async (name) => {
      tf.removeBackend("webgpu");
      await useWebGpu({ onDeviceLost: () => {} });
      const kernelSize = 3;
      const layer = gmrConv2dLayer({ filters: 4, kernelSize, inputShape: [8, 8, 3], useBias: true });
      const model = tf.sequential({ layers: [layer, tf.layers.flatten(), tf.layers.dense({ units: 2 })] });
      const image = tf.randomNormal([1, 8, 8, 3], 0, 1, "float32", 1);
      const predict = async (): Promise<number[]> => {
        const y = tf.tidy(() => model.predict(image) as tf.Tensor);
        return Array.from(await y.data());
      };
      const copy = await Promise.all(
        model.getWeights().map(async (weight) => ({ values: await weight.data(), shape: weight.shape })),
      );
      const before = await predict(); // values that were read are kept until they are uploaded again
      const computed = tf.tidy(() => tf.ones([40, 40]).mul(2));
      const pending = computed.data();
      webGpuBackend().device.destroy();
      await expect(pending).rejects.toMatchObject({ code: "device-lost" });
      await expect(computed.data()).rejects.toMatchObject({ code: "device-lost" });
      if (name === "webgpu") await useWebGpu();
      else await tf.setBackend(name);
      await expect(predict()).rejects.toMatchObject({ code: "device-lost" });
      tf.tidy(() => model.setWeights(copy.map(({ values, shape }) => tf.tensor(values, shape))));
      (await predict()).forEach((value, i) => {
        expect(value).toBeCloseTo(before[i], 4);
      });
      computed.dispose();
      model.dispose();
      if (name !== "webgpu") await useWebGpu();
    },
  );

  it("says how values are read in Node", async () => {
    await useWebGpu();
    const computed = tf.tidy(() => tf.ones([40, 40]).mul(2));
    const message =
      "values on WebGPU cannot be read synchronously here, nor moved to another backend: use `await tensor.data()`";
    await expectGmrError(() => computed.dataSync(), "unsupported", message);
    await computed.data();
    expect(computed.dataSync()[0]).toBe(2); // kept from then on
    computed.dispose();
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
    const message =
      `the WebGPU device was lost (${reason}) along with the data of its tensors: call useWebGpu() for a new device, ` +
      "or switch to another backend, and load the model's weights again";
    await expectGmrError(() => tf.tidy(convolve), "device-lost", message);
    await expectGmrError(() => tf.tidy(() => tf.ones([40, 40]).mul(2)), "device-lost", message);
    expect(tf.memory().numTensors).toBe(numTensors);

    await useWebGpu();
    expect(tf.backend() === lost).toBe(false);
    const y = tf.tidy(convolve);
    expect(Array.from(await y.data())).toEqual(Array(9).fill(18));
    y.dispose();
  });
});
