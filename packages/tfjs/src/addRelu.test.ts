import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { addRelu } from "./addRelu.ts";
import { addThenRelu } from "./layers/index.ts";

beforeAll(() => tf.setBackend("cpu"));

it("rejects tensors of different shapes", () =>
  expectGmrError(
    () => addRelu<tf.Tensor>(tf.ones([2, 3]), tf.ones([3])),
    "invalid-shape",
    "addRelu needs equal shapes, got [2,3] and [3]",
  ));

it("rejects integers", () =>
  expectGmrError(
    () => addRelu(tf.ones([2]), tf.ones([2], "int32")),
    "invalid-argument",
    "b must have dtype float32, got int32",
  ));

it("its layer needs two inputs", () =>
  expectGmrError(
    () => addThenRelu().apply(tf.input({ shape: [2] })),
    "invalid-shape",
    "AddThenRelu needs two inputs, got shapes [null, 2]",
  ));

it("its layer adds and rectifies", () => {
  const y = addThenRelu().apply([tf.tensor1d([1, -2]), tf.tensor1d([2, 1])]) as tf.Tensor;
  expect(Array.from(y.dataSync())).toEqual([3, 0]);
});
