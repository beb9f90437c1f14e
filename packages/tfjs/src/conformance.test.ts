import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, it } from "vitest";
import { conformanceCases } from "./conformance/index.ts";

beforeAll(() => tf.setBackend("cpu"));

describe("the conformance suite on the stock CPU backend", () => {
  for (const { name, run } of conformanceCases({ randomCases: 40 })) it(name, run);
});
