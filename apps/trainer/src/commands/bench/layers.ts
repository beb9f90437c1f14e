import type { Command } from "commander";
import { lazy } from "../lazy.ts";
import { fourIntegers, oddIntegers, positiveInteger } from "../options.ts";
import { backendOption, PEERS } from "./common.ts";

export function addLayers(bench: Command): void {
  bench
    .command("layers")
    .summary("layers against the stock convolution")
    .description(
      "Time GMR layers and the fused batch normalisation against the stock convolution and the stock " +
        "composition, in turn, in one run; the best of several runs after warm-up.",
    )
    .addOption(backendOption())
    .option("--threads <count>", "threads to use where the backend has them", positiveInteger, 1)
    .option("--kernel-sizes <list>", "odd", oddIntegers, [3, 5, 7, 9, 11])
    .option("--shape <list>", "batch, height, width, channels", fourIntegers, [4, 32, 32, 64])
    .option("--filters <count>", "output channels", positiveInteger, 64)
    .option(
      "--groups <count>",
      "1, or the channels: each by itself, against the stock depthwise one",
      positiveInteger,
      1,
    )
    .option("--repeat <count>", "counted runs of each measurement", positiveInteger, 20)
    .option("--peers [python]", `jax-js and PyTorch: ${PEERS}`)
    .option("--timestamps", "count only the time of kernels on the GPU (webgpu)", false)
    .option("--svg <file>", "write a chart of time over kernel size")
    .option("--json", "print one JSON object per measurement", false)
    .action(lazy(async () => (await import("../../actions/bench/layers.ts")).layers));
}
