import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { useBackend } from "../backend.ts";
import { OUTSIDE, profileKernels } from "./kernelProfile.ts";
import { networkRun } from "./networkRun.ts";

const shape = { batch: 2, imageSize: 8, depths: [1], widths: [4], kernelSizes: [5], classes: 3 };

describe.each(["wasm", "cpu"] as const)("profileKernels on %s", (backend) => {
  it("splits a training step into kernels and the rest, 100 % in all, the longest kernel first", async () => {
    await useBackend(backend, { threads: 1 });
    const before = tf.getKernelsForBackend(backend).map(({ kernelFunc }) => kernelFunc);
    const step = networkRun(shape, "gmr", "train-step");
    await step();
    const shares = await profileKernels(step);
    expect(shares.reduce((sum, { percent }) => sum + percent, 0)).toBeCloseTo(100, 0);
    expect(shares.at(-1)?.op).toBe(OUTSIDE);
    const kernels = shares.slice(0, -1);
    expect(kernels.map(({ ms }) => ms)).toEqual(kernels.map(({ ms }) => ms).sort((a, b) => b - a));
    for (const { calls, ms } of kernels) {
      expect(calls).toBeGreaterThan(0);
      expect(ms).toBeGreaterThanOrEqual(0);
    }
    if (backend === "wasm") expect(kernels.find(({ op }) => op === "RingConv")?.calls).toBe(3);
    const after = tf.getKernelsForBackend(backend).map(({ kernelFunc }) => kernelFunc);
    expect(new Set(after)).toEqual(new Set(before));
  });

  it("restores the kernels when the work fails", async () => {
    await useBackend(backend, { threads: 1 });
    const before = tf.getKernel("Add", backend).kernelFunc;
    await expect(profileKernels(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(tf.getKernel("Add", backend).kernelFunc).toBe(before);
  });
});
