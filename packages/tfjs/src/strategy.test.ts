import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, expect, it } from "vitest";
import { setBackendTraits } from "./backendTraits.ts";
import { gmrConv2d } from "./conv.ts";
import { loopCosts } from "./costModel.ts";
import { kernelConfig } from "./kernels/register.ts";
import { RingConv } from "./kernels/ringConv.ts";
import { hasKernel } from "./kernels/run.ts";
import type { Strategy } from "./options.ts";

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

it("auto means dense if the backend lacks the kernel, else ring", async () => {
  expect(hasKernel(RingConv)).toBe(false);
  setBackendTraits("cpu", { costModel: undefined });
  expect(await kernelsOf("auto")).toContain("Conv2D");
  registerRingConv();
  expect(await kernelsOf()).toContain("RingConv");
  expect(await kernelsOf()).not.toContain("Conv2D");
  setBackendTraits("cpu", { costModel: loopCosts });
});

it("auto means the cheaper strategy by the backend's cost model", async () => {
  expect(await kernelsOf()).toContain("DepthwiseConv2dNative"); // 9·3 against 9·2 + 2·3 products per channel
  const sizes: unknown[] = [];
  setBackendTraits("cpu", {
    costModel: (size) => {
      sizes.push(size);
      return { ring: 2, dense: 1 };
    },
  });
  expect(await kernelsOf()).toContain("Conv2D");
  setBackendTraits("cpu", { costModel: loopCosts });
  expect(sizes).toEqual([
    {
      rank: 2,
      transposed: false,
      training: false,
      batch: 1,
      inputSize: [5, 5],
      outputSize: [3, 3],
      inChannels: 2,
      outChannels: 3,
      kernelSize: [3, 3],
      strides: [1, 1],
      dilations: [1, 1],
      padBefore: [0, 0],
      rings: 2,
      positions: 9,
      extent: 9,
    },
  ]);
});

it("ring is composed of stock ops if the backend lacks the kernel", async () => {
  const names = await kernelsOf("ring");
  expect(names).toContain("DepthwiseConv2dNative");
  expect(names).not.toContain("Conv2D");
  expect(names).not.toContain("RingConv");
});

it("dense does not run the kernel", async () => {
  registerRingConv();
  expect(await kernelsOf("dense")).toContain("Conv2D");
  expect(await kernelsOf("dense")).not.toContain("RingConv");
});
