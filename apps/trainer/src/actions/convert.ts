import { product } from "@gmr-conv/core";
import { useBackend } from "../backend.ts";
import { type ModelSource, readTensors, toModel } from "../convert/source.ts";
import { kindOfFile, writeModel, writeTensors } from "../convert/target.ts";
import { checkName } from "./models.ts";

interface ConvertOptions extends ModelSource {
  fold: boolean;
  layout: "NCHW" | "NHWC";
  rings: "fold" | "keep" | "sums";
}

export async function convert(input: string, output: string, options: ConvertOptions): Promise<void> {
  const kind = kindOfFile(output);
  if (options.architecture !== undefined) checkName(options.architecture);
  const tensors = await readTensors(input, options.at);
  if (tensors && kind === "weights" && options.architecture === undefined) {
    await writeTensors(output, tensors);
    console.log(`${tensors.size} tensors written to ${output}`);
    return;
  }
  await useBackend("wasm", { threads: 1 });
  const model = await toModel(input, tensors, options);
  await writeModel(output, kind, model, options);
  // As PyTorch counts: without the statistics of batch normalisation.
  const parameters = model.trainableWeights.reduce((sum, { shape }) => sum + product(shape as number[]), 0);
  console.log(`${model.name} (${parameters.toLocaleString("en")} parameters) written to ${output}`);
}
