import Table from "cli-table3";
import { type Command, Option } from "commander";
import { BACKENDS, type BackendName, useBackend } from "../backend.ts";
import { benchLayers, type LayerTime } from "../bench/layers.ts";
import { oddIntegers, positiveInteger, positiveIntegers } from "./options.ts";

interface BenchOptions {
  backend: BackendName;
  kernelSizes: number[];
  shape: number[];
  filters: number;
  repeat: number;
  json: boolean;
}

export function addBench(program: Command): void {
  const bench = program.command("bench").description("Measure speed.");
  bench
    .command("layers")
    .description(
      "Time GMR layers and the fused batch normalisation against the stock dense convolution and the stock " +
        "composition, in turn, in one run; the best of several runs after warm-up.",
    )
    .addOption(new Option("--backend <name>", "where to compute").choices(BACKENDS).default("wasm"))
    .addOption(
      new Option("--threads <count>", "threads to use; this version has one").choices(["1"]).default("1"),
    )
    .option("--kernel-sizes <list>", "odd", oddIntegers, [3, 5, 7, 9, 11])
    .option("--shape <list>", "batch, height, width, channels", positiveIntegers, [4, 32, 32, 64])
    .option("--filters <count>", "output channels", positiveInteger, 64)
    .option("--repeat <count>", "counted runs of each measurement", positiveInteger, 20)
    .option("--json", "print one JSON object per measurement", false)
    .action(async (options: BenchOptions, command: Command) => {
      if (options.shape.length !== 4)
        command.error("error: --shape must be four numbers: batch,height,width,channels");
      await useBackend(options.backend);
      const times = await benchLayers(
        {
          kernelSizes: options.kernelSizes,
          shape: options.shape as [number, number, number, number],
          filters: options.filters,
          runs: options.repeat,
        },
        (time) => {
          if (options.json) console.log(JSON.stringify(time));
        },
      );
      if (!options.json) console.log(table(times, options));
    });
}

function table(times: readonly LayerTime[], options: BenchOptions): string {
  const rows = new Table({
    head: ["k", "pass", "GMR ms", "dense ms", "dense / GMR"],
    colAligns: ["right", "left", "right", "right", "right"],
    style: { head: [], border: [] },
  });
  const find = (like: LayerTime, impl: LayerTime["impl"]): LayerTime | undefined =>
    times.find((t) => t.kind === like.kind && t.k === like.k && t.pass === like.pass && t.impl === impl);
  for (const time of times) {
    const ours = time.impl === "gmr" || time.impl === "fused";
    const other = find(time, time.impl === "gmr" ? "dense" : "stock");
    if (!ours || !other) continue;
    const label = time.kind === "layer" ? String(time.k) : "BN";
    rows.push([label, time.pass, time.ms.toFixed(2), other.ms.toFixed(2), (other.ms / time.ms).toFixed(1)]);
  }
  const { shape, filters, backend } = options;
  return (
    `${backend}, x = [${shape.join(", ")}], ${shape[3]} → ${filters} channels, one thread\n${rows.toString()}\n` +
    "BN: batch normalisation in training, fused against the stock composition."
  );
}
