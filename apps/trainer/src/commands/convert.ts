import { type Command, Option } from "commander";
import { lazy } from "./lazy.ts";

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
    .option(
      "--architecture <name>",
      "the network of the weights, see gmr models (default: recognised for official networks)",
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
    .action(lazy(async () => (await import("../actions/convert.ts")).convert));
}
