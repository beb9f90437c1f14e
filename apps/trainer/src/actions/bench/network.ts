import type { NetworkImpl } from "../../bench/measurements.ts";
import { benchNetwork, type NetworkBenchOptions, profileNetwork } from "../../bench/network.ts";
import { pyTorchNetwork } from "../../bench/peers/pytorch.ts";
import { plainBuild } from "../../bench/plainBuild.ts";
import { networkTable, profileTable } from "../../bench/tables.ts";
import { type CommonOptions, note, print, printer, printRatios, python } from "./common.ts";

interface NetworkOptions extends CommonOptions {
  threads?: number;
  impl: NetworkImpl[];
  batchSize: number;
  imageSize: number;
  widths: number[];
  depths: number[];
  kernelSizes: number[];
  classes: number;
  bothBuilds: boolean;
  profile: boolean;
}

export async function network(options: NetworkOptions): Promise<void> {
  const {
    batchSize: batch,
    imageSize,
    widths,
    depths,
    kernelSizes,
    classes,
    impl,
    backend,
    threads,
  } = options;
  const shape = { batch, imageSize, widths, depths, kernelSizes, classes };
  const settings: NetworkBenchOptions = { shape, impls: impl, backend, threads, runs: options.repeat };
  if (options.profile) {
    const ops = await profileNetwork(settings);
    for (const op of ops) printer(options)(op);
    print(options, () => profileTable(ops));
    return;
  }
  const peers = options.peers ? [pyTorchNetwork(python(options), shape, note)] : [];
  if (options.bothBuilds) peers.unshift(plainBuild(settings));
  const times = await benchNetwork(settings, printer(options), peers);
  print(options, () => networkTable(times));
  if (options.peers || options.bothBuilds) printRatios(options, times);
}
