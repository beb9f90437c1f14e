import { useWasm } from "@gmr-conv/backend-wasm";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { networkCases } from "./index.ts";

beforeAll(() => useWasm());

describe("networks train and predict on wasm as on the CPU backend", () => {
  for (const { name, run } of networkCases()) it(name, run);
});

it("fails where a kernel is wrong, says what differs, and leaves the backend active", async () => {
  const norm = tf.getKernel("BatchNormInference", "wasm");
  tf.unregisterKernel("BatchNormInference", "wasm");
  const kernelFunc: tf.KernelFunc = (args) =>
    norm.kernelFunc({ ...args, attrs: { ...args.attrs, slope: 1 } });
  tf.registerKernel({ ...norm, kernelFunc });
  try {
    const dense = networkCases().find(({ name }) => name === "p4-resnet18");
    await expect(dense?.run()).rejects.toThrow(/^outputs differ by .* on backend "wasm" from those on "cpu"/);
    expect(tf.getBackend()).toBe("wasm");
  } finally {
    tf.unregisterKernel("BatchNormInference", "wasm");
    tf.registerKernel(norm);
  }
});
