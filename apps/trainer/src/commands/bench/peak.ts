import type { Command } from "commander";
import { lazy } from "../lazy.ts";
import { fourIntegers, oddIntegers, positiveInteger } from "../options.ts";

export function addPeak(bench: Command): void {
  bench
    .command("peak")
    .summary("layers against what WebAssembly SIMD can reach")
    .description(
      "Measure how many multiply-adds one core does in WebAssembly SIMD with all numbers in registers, and which share " +
        "of that ring and dense convolutions reach; in both builds of the kernels where the engine has relaxed SIMD.",
    )
    .option("--kernel-sizes <list>", "odd", oddIntegers, [3, 5, 7, 9, 11])
    .option("--shape <list>", "batch, height, width, channels", fourIntegers, [4, 32, 32, 64])
    .option("--filters <count>", "output channels", positiveInteger, 64)
    .option("--repeat <count>", "counted runs of each measurement", positiveInteger, 20)
    .option("--json", "print one JSON object per measurement", false)
    .action(lazy(async () => (await import("../../actions/bench/peak.ts")).peak));
}
