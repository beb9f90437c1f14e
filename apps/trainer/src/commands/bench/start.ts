import type { Command } from "commander";
import { lazy } from "../lazy.ts";
import { positiveInteger } from "../options.ts";
import { backendOption, THREADS } from "./common.ts";

export function addStart(bench: Command): void {
  bench
    .command("start")
    .summary("from the start to the first prediction and training step")
    .description(
      "Time the start of a program in fresh processes: imports, the backend, loading the network gmr-mnist, its first " +
        "and second prediction of one image and its first and second training step on eight; the best and the median.",
    )
    .addOption(backendOption())
    .option("--threads <count>", THREADS, positiveInteger)
    .option("--repeat <count>", "processes", positiveInteger, 10)
    .option("--json", "print one JSON object per phase", false)
    .action(lazy(async () => (await import("../../actions/bench/start.ts")).start));
}
