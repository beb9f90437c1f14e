import { conformanceCases, missingKernels } from "@gmr-conv/tfjs/conformance";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useExample } from "./useExample.js";

beforeAll(() => useExample());

it("is a backend of its own, which starts again", async () => {
  await useExample();
  expect(tf.getBackend()).toBe("example");
  expect(tf.backend()).not.toBe(tf.findBackend("cpu"));
});

describe("the conformance suite on the example backend", () => {
  for (const { name, run } of conformanceCases({ randomCases: 10 })) it(name, run);
});

it("lacks kernels for batch normalisation, depthwise and grouped convolutions, the mixture and what others fuse", () => {
  const lacking = missingKernels().filter((name) => !/^(BatchNorm|Depthwise|Grouped|RingMix)/.test(name));
  const fused = ["AdamWUpdate", "LeakyReluGrad", "RepeatChannels", "RingConvBias", "ScaleRows", "SgdUpdate"];
  expect(lacking).toEqual(fused);
});
