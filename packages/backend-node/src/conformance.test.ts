import { conformanceCases, missingKernels } from "@gmr-conv/tfjs/conformance";
import { beforeAll, expect, it } from "vitest";
import { describeNative } from "../testing/describeNative.ts";
import { useNode } from "./index.ts";

describeNative("the conformance suite on libtensorflow", () => {
  beforeAll(() => useNode({ cache: false }));
  for (const testCase of conformanceCases({ randomCases: 300 })) {
    it(testCase.name, testCase.run);
  }

  it("has every kernel but those for single channels, asymmetric positions and products with rows", () => {
    const positions = ["PositionConv", "PositionConvBackpropFilter", "PositionConvBackpropInput"];
    const depthwise = ["", "BackpropFilter", "BackpropInput"].map((use) => `DepthwiseRingConv${use}`);
    expect(missingKernels()).toEqual([...depthwise, ...positions, "RepeatChannels", "ScaleRows"]);
  });
});
