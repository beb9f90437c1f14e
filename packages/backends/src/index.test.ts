import { useWasm } from "@gmr-conv/backend-wasm";
import { useWebGpu } from "@gmr-conv/backend-webgpu";
import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it, vi } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { activeBackend, type BackendName, formatSelection, selectBackend } from "./index.ts";

const stockFactory = tf.findBackendFactory("wasm");

async function convolve(): Promise<number> {
  const y = tf.tidy(() =>
    gmrConv2d(tf.ones<tf.Rank.R4>([1, 5, 5, 2]), tf.ones([2, 2, 1]), { kernelSize: 3 }).sum(),
  );
  const [value] = await y.data();
  y.dispose();
  return value;
}

it.each(["wasm", "cpu"] as const)("starts %s, and the ops run on it", async (name) => {
  expect(await selectBackend([name])).toEqual({ backend: name, skipped: [] });
  expect([tf.getBackend(), activeBackend()]).toEqual([name, name]);
  expect(await convolve()).toBe(9 * 9 * 2);
});

describe("concurrent starts", () => {
  const wasmOrCpu = (): Promise<unknown> => selectBackend(["wasm", "cpu"]);
  const webGpuIfAny = (): Promise<unknown> => useWebGpu().catch(() => undefined);
  const mixtures: Readonly<Record<string, readonly (() => Promise<unknown>)[]>> = {
    "of two components": [wasmOrCpu, wasmOrCpu],
    "by either function": [() => useWasm(), wasmOrCpu, () => useWasm({ threads: 1 }), wasmOrCpu],
    "after TensorFlow.js began its own": [() => tf.ready(), wasmOrCpu, () => useWasm()],
    "before TensorFlow.js asks for its own": [wasmOrCpu, () => tf.ready(), () => useWasm()],
    "of several backends, where the last is wasm": [() => selectBackend(["cpu"]), webGpuIfAny, wasmOrCpu],
    "of which some fail": [webGpuIfAny, wasmOrCpu, webGpuIfAny, () => useWasm()],
  };

  it.each(Object.entries(mixtures))("%s", async (_, starts) => {
    tf.removeBackend("wasm");
    tf.registerBackend("wasm", stockFactory, 2);
    await Promise.all(starts.map((start) => start()));
    expect(tf.getBackend()).toBe("wasm");
    expect(tf.backend()).toBe(tf.engine().registry.wasm);
    expect(await convolve()).toBe(9 * 9 * 2);
  });
});

it("does not mistake an invalid option for a backend that does not work", () =>
  expectGmrError(
    () => selectBackend(["webgpu", "cpu"], { webgpu: { sums: "f8" as "f16" } }),
    "invalid-argument",
    'sums must be "f32" or "f16", got "f8"',
  ));

// Afterwards, backends are loaded a second time.
it("falls through to the next one, and says why", async () => {
  vi.stubGlobal("process", { ...process, versions: {} }); // a browser without WebGPU
  vi.resetModules();
  const { selectBackend } = await import("./index.ts");
  const selection = await selectBackend(["node", "webgpu", "cpu"]).finally(() => vi.unstubAllGlobals());
  expect(selection.backend).toBe("cpu");
  expect(selection.skipped.map(({ backend }) => backend)).toEqual(["node", "webgpu"]);
  expect(formatSelection(selection)).toMatch(/^took cpu; node: it runs only in Node; webgpu: .*WebGPU/);
});

it("leaves no trace of a software adapter that it rejects", async () => {
  const selection = await selectBackend(["webgpu", "cpu"]);
  expect(selection.backend === "webgpu" ? [] : Object.keys(tf.engine().registry)).not.toContain("webgpu");
});

it("refuses unknown names", async () => {
  const names = "expected names of backends (node, webgpu, wasm, cpu), got";
  await expectGmrError(() => selectBackend([]), "invalid-argument", `${names} []`);
  await expectGmrError(() => selectBackend(["gpu" as BackendName]), "invalid-argument", `${names} "gpu"`);
});
