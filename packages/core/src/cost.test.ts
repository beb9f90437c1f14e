import { describe, expect, it } from "vitest";
import { expectGmrError } from "../testing/helpers.ts";
import { type ConvCostOptions, convCost } from "./cost.ts";
import { Random } from "./random.ts";
import { referenceConv } from "./reference.ts";

const layer: ConvCostOptions = {
  inputSize: [32, 32],
  inChannels: 64,
  outChannels: 64,
  kernelSize: 9,
  pad: "same",
  batch: 4,
};

describe("convCost", () => {
  it("counts a 9×9 layer", () => {
    const cost = convCost(layer);
    const outputs = 4 * 32 * 32;
    expect(cost.outputSize).toEqual([32, 32]);
    expect(cost.receptiveField).toEqual([9, 9]);
    expect(cost.parameters).toEqual({ gmr: 5 * 64 * 64 + 5 + 64, dense: 81 * 64 * 64 + 64 });
    expect(cost.multiplyAdds).toEqual({
      dense: outputs * 81 * 64 * 64,
      ring: outputs * 5 * 64 * 64,
      official: outputs * (81 * 5 * 64 + 5 * 64 * 64),
      mixture: 25 * 64 * 64,
    });
    expect(cost.adds.ring).toBe(outputs * 64 * (69 - 5)); // 69 positions on 5 rings
    expect(cost.bytes).toEqual({
      input: 4 * outputs * 64,
      output: 4 * outputs * 64,
      gmrParameters: 4 * cost.parameters.gmr,
      denseParameters: 4 * cost.parameters.dense,
      ringSums: 4 * outputs * 5 * 64,
      officialIntermediate: 4 * outputs * 5 * 64,
    });
  });

  it("lets the official path do its first step at stride 1", () => {
    const cost = convCost({ ...layer, inputSize: [9, 9], kernelSize: 3, strides: 2, pad: 1, batch: 1 });
    expect(cost.outputSize).toEqual([5, 5]);
    expect(cost.multiplyAdds.official).toBe(81 * 9 * 2 * 64 + 25 * 2 * 64 * 64);
  });

  it("counts the dense convolution where the official path fails", () => {
    const grouped = convCost({ ...layer, groups: 2 });
    const line = convCost({ ...layer, inputSize: [32] });
    const oblong = convCost({ ...layer, kernelSize: [9, 5] });
    for (const { multiplyAdds, bytes } of [grouped, line, oblong]) {
      expect(multiplyAdds.official).toBe(multiplyAdds.dense);
      expect(bytes.officialIntermediate).toBe(0);
    }
    expect(grouped.parameters.dense).toBe(81 * 32 * 64 + 64);
  });

  it("leaves out bias and mixture", () => {
    const cost = convCost({ ...layer, bias: false, mixture: false });
    expect(cost.parameters).toEqual({ gmr: 5 * 64 * 64, dense: 81 * 64 * 64 });
    expect(cost.multiplyAdds.mixture).toBe(0);
  });

  it("costs no additions for k = 1 and none for empty rings", () => {
    expect(convCost({ ...layer, kernelSize: 1 }).adds.ring).toBe(0);
    expect(convCost({ ...layer, kernelSize: 1, circular: false }).adds.ring).toBe(0);
  });

  it("has the output size of the reference convolution", () => {
    const options = { kernelSize: 3, strides: [2, 1], pad: [0, 2], dilations: [1, 2] };
    const random = new Random(1);
    const kernel = Float64Array.from({ length: 9 }, () => random.normal());
    const { shape } = referenceConv(new Float64Array(42), [1, 6, 7, 1], kernel, options);
    const cost = convCost({ ...options, inputSize: [6, 7], inChannels: 1, outChannels: 1 });
    expect(cost.outputSize).toEqual(shape.slice(1, 3));
    expect(cost.receptiveField).toEqual([3, 5]);
  });

  it("rejects bad options", () => {
    const code = "invalid-argument";
    expectGmrError(
      () => convCost({ ...layer, kernelSize: 4 }),
      code,
      "kernelSize must be an odd positive integer, got 4",
    );
    expectGmrError(() => convCost({ ...layer, batch: 0 }), code, "batch must be a positive integer, got 0");
    expectGmrError(
      () => convCost({ ...layer, groups: 3 }),
      "invalid-shape",
      "groups must divide inChannels, got 3 groups for 64 channels",
    );
  });
});
