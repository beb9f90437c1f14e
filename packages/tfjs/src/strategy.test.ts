import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, expect, it } from "vitest";
import { gmrConv2d } from "./conv.ts";
import { hasKernel, kernelConfig, RingConv } from "./kernels.ts";
import type { Strategy } from "./strategy.ts";

beforeAll(() => tf.setBackend("cpu"));
afterEach(() => {
  if (hasKernel(RingConv)) tf.unregisterKernel(RingConv.name, "cpu");
});

/** Names of the kernels that a convolution runs. */
async function kernelsOf(strategy?: Strategy): Promise<string[]> {
  const { kernelNames } = await tf.profile(() =>
    tf.tidy(() => {
      gmrConv2d(tf.ones<tf.Rank.R4>([1, 5, 5, 2]), tf.ones([2, 2, 3]), { kernelSize: 3, strategy });
    }),
  );
  return kernelNames;
}

/** A stand-in for a backend's kernel. */
function registerRingConv(): void {
  tf.registerKernel(
    kernelConfig(RingConv, "cpu", ({ x, weights }, { outputSize }) =>
      tf.zeros([x.shape[0], ...outputSize, weights.shape[2]]),
    ),
  );
}

it("auto means dense where the backend has no kernel", async () => {
  expect(hasKernel(RingConv)).toBe(false);
  expect(await kernelsOf("auto")).toContain("Conv2D");
  expect(await kernelsOf()).toContain("Conv2D");
});

it("auto means ring where the backend has the kernel", async () => {
  registerRingConv();
  expect(hasKernel(RingConv)).toBe(true);
  expect(await kernelsOf()).toContain("RingConv");
  expect(await kernelsOf()).not.toContain("Conv2D");
});

it("ring is composed from stock ops where the backend has no kernel", async () => {
  const names = await kernelsOf("ring");
  expect(names).toContain("DepthwiseConv2dNative");
  expect(names).not.toContain("Conv2D");
  expect(names).not.toContain("RingConv");
});

it("dense leaves the kernel alone", async () => {
  registerRingConv();
  expect(await kernelsOf("dense")).toContain("Conv2D");
  expect(await kernelsOf("dense")).not.toContain("RingConv");
});
