import { applies, conformanceCases } from "@gmr-conv/tfjs/conformance";
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
  const cases = conformanceCases({ randomCases: 20 });
  for (const { name, run } of cases) it(name, run);

  it("tests its kernels for ring convolutions", () => {
    expect(cases.filter(({ kernels }) => kernels.includes("RingConv")).every(applies)).toBe(true);
  });
});
