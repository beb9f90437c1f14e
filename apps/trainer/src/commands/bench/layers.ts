import { type Command, InvalidArgumentError } from "commander";
import { lazy } from "../lazy.ts";
import { oddIntegers, positiveInteger, positiveIntegers } from "../options.ts";
import { backendOption, PEERS } from "./common.ts";

export function addLayers(bench: Command): void {
  bench
    .command("layers")
    .summary("layers against the stock dense convolution")
    .description(
      "Time GMR layers and the fused batch normalisation against the stock dense convolution and the stock " +
        "composition, in turn, in one run; the best of several runs after warm-up.",
    )
    .addOption(backendOption())
    .option("--threads <count>", "threads to use where the backend has them", positiveInteger, 1)
    .option("--kernel-sizes <list>", "odd", oddIntegers, [3, 5, 7, 9, 11])
    .option("--shape <list>", "batch, height, width, channels", fourIntegers, [4, 32, 32, 64])
    .option("--filters <count>", "output channels", positiveInteger, 64)
    .option("--repeat <count>", "counted runs of each measurement", positiveInteger, 20)
    .option("--peers [python]", `jax-js and PyTorch: ${PEERS}`)
    .option("--timestamps", "count only the time of kernels on the GPU (webgpu)", false)
    .option("--svg <file>", "write a chart of time over kernel size")
    .option("--json", "print one JSON object per measurement", false)
    .action(lazy(async () => (await import("../../actions/bench/layers.ts")).layers));
}

function fourIntegers(text: string): [number, number, number, number] {
  const values = positiveIntegers(text);
  if (values.length !== 4) {
    throw new InvalidArgumentError("It must be four numbers: batch,height,width,channels.");
  }
  const [batch, height, width, channels] = values;
  return [batch, height, width, channels];
}
