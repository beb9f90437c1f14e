// Runs ONNX models in onnxruntime.

import { findOptional, importOptional, type OptionalPackage } from "@gmr-conv/data/node";
import { type StoredTensor, toFloat32 } from "@gmr-conv/io";

/**
 * The first output of a model for one input, channels first.
 * @throws GmrError `unsupported` without onnxruntime-node
 */
export async function runOnnx(model: Uint8Array, input: StoredTensor): Promise<Float32Array> {
  const { InferenceSession, Tensor } = await load();
  const session = await InferenceSession.create(model);
  const feeds = { [session.inputNames[0]]: new Tensor("float32", toFloat32(input), input.shape) };
  const { data } = (await session.run(feeds))[session.outputNames[0]];
  await session.release();
  return data as Float32Array;
}

export const ONNX_RUNTIME: OptionalPackage = {
  name: "onnxruntime-node",
  version: "1.30.0",
  user: "checking the ONNX form",
};

/** @throws GmrError `unsupported` without onnxruntime-node, with the command that installs it */
export function checkOnnxRuntime(): void {
  findOptional(ONNX_RUNTIME, "onnxruntime-node", import.meta.url);
}

const load = (): Promise<typeof import("onnxruntime-node")> =>
  importOptional(ONNX_RUNTIME, "onnxruntime-node", import.meta.url);
