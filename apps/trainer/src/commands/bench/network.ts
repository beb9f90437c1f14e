import { type Command, InvalidArgumentError } from "commander";
import { NETWORK_IMPLS, type NetworkImpl } from "../../bench/measurements.ts";
import { lazy } from "../lazy.ts";
import { names, oddIntegers, positiveInteger, positiveIntegers } from "../options.ts";
import { backendOption, PEERS, THREADS } from "./common.ts";

export function addNetwork(bench: Command): void {
  bench
    .command("network")
    .summary("a GMR-ResNet and its dense twin")
    .description(
      "Time a training step and inference of a GMR-ResNet and its dense twin, and measure their peak memory, each in " +
        "its own process, in turn; the best of several runs after warm-up.",
    )
    .addOption(backendOption())
    .option("--threads <count>", THREADS, positiveInteger)
    .option("--impl <list>", "gmr, dense", impls, [...NETWORK_IMPLS])
    .option("--batch-size <count>", "images", positiveInteger, 32)
    .option("--image-size <pixels>", "side of the images, which have three channels", positiveInteger, 32)
    .option("--widths <list>", "channels per stage", positiveIntegers, [64, 128, 256, 512])
    .option("--depths <list>", "blocks per stage", positiveIntegers, [2, 2, 2, 2])
    .option("--kernel-sizes <list>", "of the GMR network, odd, one per stage", oddIntegers, [9, 9, 5, 5])
    .option("--classes <count>", "number of classes", positiveInteger, 10)
    .option("--repeat <count>", "counted runs of each measurement", positiveInteger, 5)
    .option("--peers [python]", `PyTorch: ${PEERS}`)
    .option(
      "--both-builds",
      "measure ours without relaxed SIMD in turn as well, as gmr-plain and dense-plain (wasm, Node 22)",
      false,
    )
    .option("--profile", "show the share of each op in a training step instead", false)
    .option("--json", "print one JSON object per measurement", false)
    .action(lazy(async () => (await import("../../actions/bench/network.ts")).network));
}

function impls(text: string): NetworkImpl[] {
  return names(text).map((name) => {
    const found = NETWORK_IMPLS.find((impl) => impl === name);
    if (found === undefined) throw new InvalidArgumentError('Expected "gmr", "dense" or both.');
    return found;
  });
}
