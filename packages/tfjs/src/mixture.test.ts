import * as tf from "@tensorflow/tfjs";
import { beforeAll, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { mixRingWeights, mixtureMatrix } from "./mixture.ts";

beforeAll(() => tf.setBackend("cpu"));

it.each<[string, () => unknown, string]>([
  [
    "different numbers of rings",
    () => mixRingWeights(tf.ones([3, 1, 1]), tf.zeros([50])),
    "logSigmas must have shape [3] (one per ring), got [50]",
  ],
  [
    "weights with two axes",
    () => mixRingWeights(tf.ones([3, 1]) as never, tf.zeros([3])),
    "weights must have shape [R, Cin, Cout], got [3,1]",
  ],
  [
    "a matrix of sigmas",
    () => mixtureMatrix(tf.ones([3, 1]) as never),
    "logSigmas must have shape [R], got [3,1]",
  ],
])("refuses %s", (_, action, message) => {
  expectGmrError(() => tf.tidy(() => void action()), "invalid-shape", message);
});
