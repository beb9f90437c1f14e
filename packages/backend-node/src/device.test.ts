import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { describeNative } from "../testing/describeNative.ts";
import { nodeDevice, parseGpus } from "./device.ts";
import { useNode } from "./index.ts";

it("reads the driver's table of GPUs", () => {
  const table = "NVIDIA H100 80GB HBM3, 81559, 570.86.15\nTesla T4, [N/A], 570.86.15\n";
  expect(parseGpus(table)).toEqual([
    { name: "NVIDIA H100 80GB HBM3", memory: 81559 * 2 ** 20, driver: "570.86.15" },
    { name: "Tesla T4", memory: 0, driver: "570.86.15" },
  ]);
  expect(parseGpus("")).toEqual([]);
});

it("describes no device of another backend", async () => {
  await tf.setBackend("cpu");
  const reason = 'the active backend is "cpu", not that of @tensorflow/tfjs-node: call useNode first';
  await expectGmrError(() => nodeDevice(), "unsupported", reason);
});

describeNative("nodeDevice", () => {
  it("describes the device TensorFlow computes on", async () => {
    await useNode({ cache: false });
    expect(nodeDevice()).toMatchObject({
      kind: expect.stringMatching(/^(cpu|gpu)$/),
      name: expect.stringMatching(/./),
      memory: expect.any(Number),
      tensorflow: expect.stringMatching(/^2\.\d+\.\d+/),
    });
  });
});
