// Writing a model or its weights.

import path from "node:path";
import { describeValue, GmrError } from "@gmr-conv/core";
import { type StoredTensor, writeSafetensors, writeTorch } from "@gmr-conv/io";
import { stateDictOf } from "@gmr-conv/io/layers";
import { writeFileAtomically, writeLayersModel } from "@gmr-conv/io/node";
import { exportOnnx } from "@gmr-conv/io/onnx";
import { foldModel } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { checkOutputFile, makeOutputFolder } from "../outputs.ts";

type FileKind = "weights" | "onnx" | "folder";

/** The kind of file a path asks for. @throws GmrError `invalid-argument` for an unknown ending */
export function kindOfFile(output: string): FileKind {
  const ending = path.extname(output).toLowerCase();
  if ([".safetensors", ".pth", ".pt"].includes(ending)) return "weights";
  if (ending === ".onnx") return "onnx";
  if (ending === "") return "folder";
  throw new GmrError(
    "invalid-argument",
    `cannot write ${describeValue(output)}: expected .safetensors, .pth, .pt, .onnx, or a folder without an ending`,
  );
}

/** Writes tensors as safetensors or as a PyTorch checkpoint. */
export async function writeTensors(output: string, tensors: Map<string, StoredTensor>): Promise<void> {
  const safetensors = path.extname(output).toLowerCase() === ".safetensors";
  // `format` tells PyTorch loaders that layouts are PyTorch's.
  write(output, safetensors ? writeSafetensors(tensors, { format: "pt" }) : writeTorch(tensors));
}

interface TargetOptions {
  /** Write stock layers only (a folder). */
  fold: boolean;
  /** Axes of the images (ONNX). */
  layout: "NCHW" | "NHWC";
  /** How ring convolutions are stored (ONNX). */
  rings: "fold" | "keep" | "sums";
}

export async function writeModel(
  output: string,
  kind: FileKind,
  model: tf.LayersModel,
  { fold, layout, rings }: TargetOptions,
): Promise<void> {
  if (kind === "weights") await writeTensors(output, await stateDictOf(model));
  else if (kind === "onnx") write(output, await exportOnnx(model, { layout, rings }));
  else {
    makeOutputFolder(output);
    await writeLayersModel(fold ? foldModel(model) : model, output);
  }
}

function write(output: string, bytes: Uint8Array): void {
  makeOutputFolder(path.dirname(output));
  checkOutputFile(output);
  writeFileAtomically(output, bytes);
}
