import { MODEL_NAMES } from "@gmr-conv/models/registry";
import { type Command, Option } from "commander";
import { useBackend } from "../backend.ts";
import { type ModelSource, readTensors, toModel } from "../convert/source.ts";
import { kindOfFile, writeModel, writeTensors } from "../convert/target.ts";

interface ConvertOptions extends ModelSource {
  fold: boolean;
  layout: "NCHW" | "NHWC";
  rings: "fold" | "keep" | "sums";
}

export function addConvert(program: Command): void {
  program
    .command("convert")
    .summary("convert models and weights")
    .description(
      "Convert models and weights. INPUT: weights (safetensors or a PyTorch checkpoint), a TensorFlow.js model (its " +
        "folder or model.json), or the folder of a run. OUTPUT: weights named as in PyTorch (.safetensors, .pth, " +
        ".pt), .onnx, or a folder for a TensorFlow.js model.",
    )
    .argument("<input>", "what to convert")
    .argument("<output>", "where to write it; the ending decides the format")
    .addOption(
      new Option(
        "--architecture <name>",
        "the network of the weights (default: recognised for official networks)",
      ).choices(MODEL_NAMES),
    )
    .option("--options <json>", 'its options, such as \'{"inputShape":[32,32,3],"classes":10}\'')
    .addOption(
      new Option(
        "--defaults <whose>",
        "whose defaults to use for options that neither you nor the weights determine",
      )
        .choices(["official", "ours"])
        .default("official"),
    )
    .option("--at <path>", "where the weights are in a nested checkpoint, such as state_dict")
    .option("--network <name>", "which network of a run (default: the first)")
    .option("--fold", "write a TensorFlow.js model of stock layers only, with batch norms merged", false)
    .addOption(
      new Option("--layout <axes>", "of an ONNX model's images").choices(["NCHW", "NHWC"]).default("NCHW"),
    )
    .addOption(
      new Option(
        "--rings <form>",
        "ring convolutions in ONNX: ordinary kernels, rings that become kernels on loading, or sums over rings",
      )
        .choices(["fold", "keep", "sums"])
        .default("fold"),
    )
    .action(async (input: string, output: string, options: ConvertOptions) => {
      const kind = kindOfFile(output);
      const tensors = await readTensors(input, options.at);
      if (tensors && kind === "weights" && options.architecture === undefined) {
        await writeTensors(output, tensors);
        console.log(`${tensors.size} tensors written to ${output}`);
        return;
      }
      await useBackend("wasm", { threads: 1 });
      const model = await toModel(input, tensors, options);
      await writeModel(output, kind, model, options);
      console.log(
        `${model.name} (${model.countParams().toLocaleString("en")} parameters) written to ${output}`,
      );
    });
}
