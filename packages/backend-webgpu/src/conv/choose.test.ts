import { type ConvShape, type ConvUse, gatherOf } from "@gmr-conv/tfjs";
import { describe, expect, it } from "vitest";
import { choose } from "./choose.ts";
import { problemOf } from "./problem.ts";
import { type Abilities, candidates } from "./variants.ts";

const GPU: Abilities = { software: false, subgroups: true, memory: 32768 };

function problem(use: ConvUse, side: number, inChannels: number, outChannels: number, k = 5, images = 32) {
  const size = [1, side, side] as const;
  const [half, rings] = [(k - 1) / 2, (k + 1) / 2];
  const ring = (i: number): number =>
    Math.min(rings - 1, Math.max(Math.abs((i % k) - half), Math.abs(Math.floor(i / k) - half)));
  const shape: ConvShape = {
    ...{ images, inSize: size, inChannels, outSize: size, outChannels, matrices: rings },
    ...{
      kernelSize: [1, k, k],
      strides: [1, 1, 1],
      dilations: [1, 1, 1],
      padBefore: [0, half, half],
      spread: [1, 1, 1],
    },
    ringIndex: Array.from({ length: k * k }, (_, i) => ring(i)),
  };
  return problemOf(use, gatherOf(shape, use));
}

/** The same in groups. */
function inGroups(...args: Parameters<typeof problem>) {
  const { use, gather } = problem(...args);
  return problemOf(use, { ...gather, groups: 4 });
}

describe("the rule", () => {
  it("computes directly on software adapters", () => {
    expect(choose(problem("forward", 32, 64, 64), { ...GPU, software: true })).toBe("direct");
  });

  it("computes groups directly", () => {
    expect(choose(inGroups("forward", 32, 64, 64), GPU)).toBe("direct");
    expect(candidates(inGroups("filter", 32, 64, 64), GPU)).toEqual(["direct"]);
  });

  it("makes the sums in workgroup memory where they serve few tiles of columns", () => {
    expect(choose(problem("forward", 32, 64, 64), GPU)).toBe("fused64");
    expect(choose(problem("forward", 32, 64, 256), GPU)).toBe("tiled64");
  });

  it("uses smaller tiles where large ones would be few or mostly empty", () => {
    expect(choose(problem("forward", 32, 64, 16), GPU)).toBe("fused32");
    expect(choose(problem("forward", 8, 64, 256, 5, 1), GPU)).toBe("tiled32");
  });

  it("cannot make sums in workgroup memory for the gradient of the weights, or where a patch does not fit", () => {
    expect(choose(problem("filter", 32, 64, 64), GPU)).toBe("tiled64");
    expect(choose(problem("forward", 64, 64, 64, 41), GPU)).toBe("tiled64");
  });
});

it("candidates are what the device can do", () => {
  const forward = problem("forward", 32, 64, 64);
  expect(candidates(forward, GPU)).toEqual([
    "direct",
    "tiled32",
    "tiled64",
    "subgroups",
    "fused32",
    "fused64",
  ]);
  expect(candidates(forward, { ...GPU, subgroups: false })).not.toContain("subgroups");
  expect(candidates(forward, { ...GPU, memory: 10000 })).not.toContain("fused64");
  expect(candidates(problem("filter", 32, 64, 64), GPU)).toEqual(["direct", "tiled32", "tiled64"]);
});
