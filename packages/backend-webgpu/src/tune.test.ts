import { gmrConv2d } from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { isWebGpuMissing, webGpuBackend } from "../testing/webGpu.ts";
import { VARIANT_NAMES } from "./conv/variants.ts";
import { tuneWebGpu } from "./index.ts";

const missing = await isWebGpuMissing();

const convolve = (): tf.Tensor =>
  tf.tidy(() =>
    gmrConv2d(tf.ones<tf.Rank.R4>([1, 6, 5, 3]), tf.ones([2, 3, 4]), { kernelSize: 3, strategy: "ring" }),
  );

describe.skipIf(missing)("tuneWebGpu", () => {
  it("times every variant for each shape once, and takes the fastest", async () => {
    const { numTensors, numDataBuffers } = tf.memory();
    const seen: string[] = [];
    const onProgress = (done: number, total: number, key: string) => seen.push(`${done}/${total} ${key}`);
    const [tuned, ...others] = await tuneWebGpu(convolve, { repeats: 1, onProgress });
    expect(others).toEqual([]);
    expect(tuned.key).toMatch(/^forward x\[1,1,6,5,3\] y\[1,1,4,3,4\]/);
    expect(seen).toEqual([`0/1 ${tuned.key}`]);
    const ms = Object.values(tuned.ms);
    const { features } = webGpuBackend().device;
    const wanted = VARIANT_NAMES.filter((variant) => variant !== "subgroups" || features.has("subgroups"));
    expect(Object.keys(tuned.ms)).toEqual(wanted);
    expect(tuned.ms[tuned.choice]).toBe(Math.min(...ms));
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });

    expect(await tuneWebGpu(convolve)).toEqual([]);
    expect(await tuneWebGpu(convolve, { repeats: 1, again: true })).toHaveLength(1);
  });

  it("refuses what it cannot do", async () => {
    await expectGmrError(
      () => tuneWebGpu(convolve, { repeats: 0 }),
      "invalid-argument",
      "repeats must be a positive integer, got 0",
    );
    await tf.setBackend("cpu");
    await expectGmrError(
      () => tuneWebGpu(convolve),
      "unsupported",
      "the active backend must be webgpu, got cpu",
    );
    await tf.setBackend("webgpu");
  });
});
