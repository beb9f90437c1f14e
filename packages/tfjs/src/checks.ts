import { describeValue, GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";

/** Checks that a value is a float32 tensor of one of these ranks, or of any rank; `expected` spells out its shape. */
export function checkTensor(
  name: string,
  tensor: tf.Tensor,
  ranks: readonly number[] | "any",
  expected: string,
): void {
  if (!(tensor instanceof tf.Tensor)) {
    throw new GmrError(
      "invalid-argument",
      `${name} must be a tensor ${expected}, got ${describeValue(tensor)}`,
    );
  }
  const allowed = ranks === "any" ? tensor.rank > 0 : ranks.includes(tensor.rank);
  if (!allowed) {
    throw new GmrError("invalid-shape", `${name} must have shape ${expected}, got [${tensor.shape}]`);
  }
  if (tensor.dtype !== "float32") {
    throw new GmrError("invalid-argument", `${name} must have dtype float32, got ${tensor.dtype}`);
  }
}

/** Returns `model` if it is a layers model. @throws GmrError `invalid-argument` otherwise */
export function checkModel(model: tf.LayersModel): tf.LayersModel {
  // Not by class: a model may come from another copy of TensorFlow.js.
  if (Array.isArray(model?.layers) && Array.isArray(model.inputs ?? [])) return model;
  throw new GmrError("invalid-argument", `model must be a layers model, got ${describeValue(model)}`);
}

/** Checks that a value is a float32 tensor [length]; `meaning` says what the numbers are. */
export function checkVector(name: string, tensor: tf.Tensor, length: number, meaning: string): void {
  const expected = `[${length}] (${meaning})`;
  checkTensor(name, tensor, [1], expected);
  if (tensor.shape[0] !== length) {
    throw new GmrError("invalid-shape", `${name} must have shape ${expected}, got [${tensor.shape}]`);
  }
}
