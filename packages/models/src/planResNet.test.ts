import { GmrError } from "@gmr-conv/core";
import { convertToGmr, foldModel, gmrConv2dLayer } from "@gmr-conv/tfjs";
import { describe, expect, it } from "vitest";
import { modelCost } from "./cost.ts";
import { groupResNet } from "./groupConv/index.ts";
import { embedding } from "./heads.ts";
import { planResNet } from "./planResNet.ts";
import { r3d } from "./r3d.ts";
import type { ResNetOptions } from "./resNetOptions.ts";
import { resNet } from "./resnet.ts";
import { unet } from "./unet.ts";

const base: ResNetOptions = { inputShape: [32, 32, 3], classes: 10 };

describe("planResNet", () => {
  it("fills in ResNet-18 with kernels 9, 9, 5, 5", () => {
    const plan = planResNet(base);
    expect(plan.stages.map((s) => [s.depth, s.width, s.kernelSize, s.stride])).toEqual([
      [2, 64, 9, 1],
      [2, 128, 9, 2],
      [2, 256, 5, 2],
      [2, 512, 5, 2],
    ]);
    expect([plan.stemWidth, plan.stemKernelSize, plan.name]).toEqual([64, [5, 5], "gmr-resnet"]);
  });

  it("gives the dense twin 3×3 kernels everywhere", () => {
    const plan = planResNet({ ...base, kind: "dense" });
    expect(plan.stemKernelSize).toEqual([3, 3]);
    expect(plan.stages.map((s) => s.kernelSize)).toEqual([3, 3, 3, 3]);
  });

  it("dilates kernels from a stage that keeps its size onwards", () => {
    const plan = planResNet({ ...base, dilateInsteadOfStride: [false, false, true, true] });
    expect(plan.stages.map(({ stride, dilation }) => [stride, dilation.first, dilation.others])).toEqual([
      [1, 1, 1],
      [2, 1, 1],
      [1, 1, 2],
      [1, 2, 4],
    ]);
  });

  const bad: [string, Partial<ResNetOptions>][] = [
    [
      "inputShape must be [height, width, channels] or [depth, height, width, channels], got [28, 28]",
      { inputShape: [28, 28] },
    ],
    ["inputShape[2] must be a positive integer, got null", { inputShape: [28, 28, null] }],
    ['fieldOfView "disc" and inputPadding are for images', { inputShape: [9, 9, 9, 1], inputPadding: 1 }],
    ["stemKernelSize[1] must be odd, got 4", { stemKernelSize: [3, 4] }],
    [
      "dilateInsteadOfStride must be a list with one entry for each of the 4 stages, got [true]",
      { dilateInsteadOfStride: [true] },
    ],
    ["inputShape[2] must be a positive integer, got 0", { inputShape: [28, 28, 0] }],
    ["classes must be a positive integer, got NaN", { classes: Number.NaN }],
    ["depths must name at least one stage, got []", { depths: [] }],
    ["widths must be a list with one entry for each of the 4 stages, got [8]", { widths: [8] }],
    ["kernelSizes[1] must be odd, got 4", { kernelSizes: [3, 4, 3, 3] }],
    ["strides must be 1 or 2, got 3", { strides: [1, 3 as never, 1, 1] }],
    ['kind must be "gmr" or "dense", got "cnn"', { kind: "cnn" as never }],
    ['pooling must be "average" or "blur", got "max"', { pooling: "max" as never }],
    ['fieldOfView must be "square" or "disc", got "oval"', { fieldOfView: "oval" as never }],
    ["inputBlur must be a number of at least 0, got -1", { inputBlur: -1 }],
    ["classes 1000000000 asks for 512000000000 weights, at most 268435456 fit", { classes: 1e9 }],
    ["depths [100000] asks for 100000 blocks, at most 500 fit", { depths: [1e5] }],
    [
      "widths[1] 1000000 with kernels of size 9 asks for 5000000000000 weights",
      { widths: [64, 1e6, 64, 64] },
    ],
    ["inputPadding 1000000 asks for 4000000000000 pixels", { inputPadding: 1e6 }],
    ["inputBlur 1000000 asks for 36000012000001 kernel positions, at most 1048576 fit", { inputBlur: 1e6 }],
  ];
  it.each(bad)("says: %s", (message, options) => {
    expect(() => planResNet({ ...base, ...options })).toThrow(message);
  });
});

it.each(
  Object.entries({
    resNet,
    unet,
    r3d,
    groupResNet,
    gmrConv2dLayer,
    foldModel,
    convertToGmr,
    modelCost,
    embedding,
  }),
)("%s says what it needs instead of null", (_, make) => {
  for (const nothing of [null, undefined, []]) {
    expect(() => make(nothing as never)).toThrow(GmrError);
    expect(() => make(nothing as never)).toThrow(
      /must be (an object|a layers model), got (null|undefined|\[\])/,
    );
  }
});
