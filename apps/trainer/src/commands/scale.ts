import { type Command, InvalidArgumentError } from "commander";
import { addRankFlags } from "../ranks/options.ts";
import { backendOption, THREADS } from "./bench/common.ts";
import { lazy } from "./lazy.ts";
import { oddIntegers, positiveInteger, positiveIntegers } from "./options.ts";

export function addScale(program: Command): void {
  const command = program
    .command("scale")
    .summary("predict the speed of training on many ranks")
    .description(
      "Measure training steps of a network here, on synthetic images, and predict from them how fast it would train " +
        "on more ranks, with a given network between them. Started by mpirun with --distributed mpi, also measure " +
        "exchanges and steps of all ranks, and compare the prediction with them.",
    )
    .addOption(backendOption())
    .option("--threads <count>", THREADS, positiveInteger)
    .option("--model <name>", "the network, by a name that `gmr models` lists", "gmr-resnet18")
    .option("--input-shape <list>", "of an image or volume, channels last", positiveIntegers, [32, 32, 3])
    .option("--classes <count>", "number of classes", positiveInteger, 10)
    .option("--widths <list>", "channels per stage (default: the network's)", positiveIntegers)
    .option("--depths <list>", "blocks per stage (default: the network's)", positiveIntegers)
    .option("--kernel-sizes <list>", "odd, one per stage (default: the network's)", oddIntegers)
    .option("--sync-batch-norm", "normalise batches as a whole", false)
    .option("--ranks <list>", "numbers of ranks to predict", positiveIntegers, [1, 2, 8, 64, 512])
    .option("--images-per-rank <count>", "images of each rank (weak scaling)", positiveInteger, 32)
    .option("--batch-size <count>", "images of all ranks (strong scaling)", positiveInteger, 256)
    .option(
      "--bandwidth <rate>",
      "of a machine's network, such as 10Gbit/s or 1.2GB/s (default: 10Gbit/s)",
      rate,
    )
    .option("--latency <time>", "of a message, such as 20us (default: 20us)", duration)
    .option(
      "--ranks-per-machine <count>",
      "default: those that mpirun started on this one, else 1",
      positiveInteger,
    )
    .option("--memory-bandwidth <rate>", "between the ranks of a machine, together (default: 10GB/s)", rate)
    .option("--memory-latency <time>", "of a message within a machine (default: 5us)", duration);
  addRankFlags(command)
    .option("--repeat <count>", "counted runs of each measurement", positiveInteger, 3)
    .option("--json", "print one JSON object instead of tables", false)
    .action(lazy(async () => (await import("../actions/scale.ts")).scale));
}

const RATE = /^([\d.]+(?:e\d+)?)\s*([kMG]?)(bit|B)(?:\/s)?$/;
const DURATION = /^([\d.]+(?:e-?\d+)?)\s*(ns|us|µs|ms|s)$/;
const PREFIX: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9 };
const PER_SECOND: Readonly<Record<string, number>> = { ns: 1e9, us: 1e6, µs: 1e6, ms: 1e3, s: 1 };

/** Bytes per second. */
export function rate(text: string): number {
  const [, number, prefix, unit] = RATE.exec(text.trim()) ?? [];
  const value = (Number(number) * PREFIX[prefix]) / (unit === "bit" ? 8 : 1);
  if (!Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError("Expected a rate such as 10Gbit/s, 100Mbit/s or 1.2GB/s.");
  }
  return value;
}

/** Seconds. */
export function duration(text: string): number {
  const [, number, unit] = DURATION.exec(text.trim()) ?? [];
  const value = Number(number) / PER_SECOND[unit];
  if (!Number.isFinite(value)) throw new InvalidArgumentError("Expected a time such as 20us, 0.1ms or 0s.");
  return value;
}
