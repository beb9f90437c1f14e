import { conformanceCases, missingKernels } from "@gmr-conv/tfjs/conformance";
import { describe, expect, it } from "vitest";
import { isWebGpuMissing } from "../testing/webGpu.ts";

const missing = await isWebGpuMissing();

describe.skipIf(missing)("the conformance suite on the webgpu backend", () => {
  for (const { name, run } of conformanceCases({ randomCases: 10 })) it(name, run);

  it("has every kernel but one product", () => {
    const depthwise = ["", "BackpropFilter", "BackpropInput"].map((use) => `DepthwiseRingConv${use}`);
    expect(missingKernels()).toEqual([
      "BatchNormInference",
      ...depthwise,
      "LeakyReluGrad",
      "RepeatChannels",
      "RingConvBias",
      "ScaleRows",
    ]);
  });
});
