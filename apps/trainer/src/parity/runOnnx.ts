// Runs ONNX models in onnxruntime.

import { GmrError } from "@gmr-conv/core";
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

async function load(): Promise<typeof import("onnxruntime-node")> {
  try {
    return await import("onnxruntime-node");
  } catch (error) {
    throw new GmrError(
      "unsupported",
      "checking the ONNX form needs the npm package onnxruntime-node, which is not installed",
      { cause: error },
    );
  }
}
