import { access, constants, writeFile } from "node:fs/promises";
import path from "node:path";
import { webGpuAdapter } from "@gmr-conv/backend-webgpu";
import { GmrError } from "@gmr-conv/core";
import { type Command, InvalidArgumentError, Option } from "commander";
import { BACKENDS, type BackendChoice, describeBackend, useBackend } from "../backend.ts";
import { kernelSizeChart } from "../bench/kernelSizeChart.ts";
import { benchLayers, denseKernels, type LayerPeer } from "../bench/layers.ts";
import { benchLearning, type LearningResult } from "../bench/learning.ts";
import { NETWORK_IMPLS, type NetworkImpl } from "../bench/measurements.ts";
import { benchModels, MODEL_BENCHES, type ModelStep } from "../bench/models.ts";
import { benchNetwork, type NetworkBenchOptions, profileNetwork } from "../bench/network.ts";
import { layerPeers } from "../bench/peers/installed.ts";
import { peerPython, pyTorchNetwork } from "../bench/peers/pytorch.ts";
import { ratios } from "../bench/ratios.ts";
import {
  layerTable,
  learningTable,
  modelTable,
  networkTable,
  profileTable,
  ratioTable,
} from "../bench/tables.ts";
import { describeEnvironment } from "../environment.ts";
import { names, oddIntegers, pattern, positiveInteger, positiveIntegers } from "./options.ts";

interface CommonOptions {
  backend: BackendChoice;
  repeat: number;
  json: boolean;
  /** The Python given, or true without one. */
  peers?: string | true;
}

interface LayerOptions extends CommonOptions {
  threads: number;
  kernelSizes: number[];
  shape: [number, number, number, number];
  filters: number;
  svg?: string;
  timestamps: boolean;
}

interface NetworkOptions extends CommonOptions {
  threads?: number;
  impl: NetworkImpl[];
  batch: number;
  imageSize: number;
  widths: number[];
  depths: number[];
  kernelSizes: number[];
  classes: number;
  profile: boolean;
}

const PEERS =
  "measure other software in turn, where installed, and print the ratios; for PyTorch and the official gmr-conv " +
  "a Python that has them (default: $GMR_PEER_PYTHON, else python3)";

export function addBench(program: Command): void {
  const bench = program.command("bench").description("Measure speed.");
  bench
    .command("layers")
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
    .option("--timestamps", "count the time of kernels on the GPU alone (webgpu)", false)
    .option("--svg <file>", "write a chart of time over kernel size")
    .option("--json", "print one JSON object per measurement", false)
    .action(layers);
  bench
    .command("network")
    .description(
      "Time a training step and inference of a GMR-ResNet and of its dense twin, and their peak memory, each in a " +
        "process of its own, in turn; the best of several runs after warm-up.",
    )
    .addOption(backendOption())
    .option("--threads <count>", "threads to use (default: as many as the backend likes)", positiveInteger)
    .option("--impl <list>", "gmr, dense", impls, [...NETWORK_IMPLS])
    .option("--batch <count>", "images", positiveInteger, 32)
    .option("--image-size <pixels>", "side of the images, which have three channels", positiveInteger, 32)
    .option("--widths <list>", "channels per stage", positiveIntegers, [64, 128, 256, 512])
    .option("--depths <list>", "blocks per stage", positiveIntegers, [2, 2, 2, 2])
    .option("--kernel-sizes <list>", "of the GMR network, odd, one per stage", oddIntegers, [9, 9, 5, 5])
    .option("--classes <count>", "number of classes", positiveInteger, 10)
    .option("--repeat <count>", "counted runs of each measurement", positiveInteger, 5)
    .option("--peers [python]", `PyTorch: ${PEERS}`)
    .option("--profile", "show the share of each op in a training step instead", false)
    .option("--json", "print one JSON object per measurement", false)
    .action(network);
  bench
    .command("models")
    .description(
      "Time a training step of every network at the size of input that it is meant for, and its peak memory, each in " +
        "a process of its own; the best of several runs after warm-up.",
    )
    .addOption(backendOption())
    .option("--threads <count>", "threads to use (default: as many as the backend likes)", positiveInteger)
    .option("--only <pattern>", "networks whose names match a regular expression", pattern)
    .option("--batch <count>", "images or volumes", positiveInteger)
    .option("--checkpoint-stages", "keep less in memory and compute stages twice", false)
    .option("--repeat <count>", "counted steps", positiveInteger, 2)
    .option("--json", "print one JSON object per network", false)
    .action(models);
  bench
    .command("learning")
    .description(
      "Train a small network on upright digits as it is, and with its convolutions swapped for ring convolutions, in " +
        "each basis: how much of the training images they read after so many epochs.",
    )
    .addOption(backendOption())
    .option("--threads <count>", "threads to use (default: as many as the backend likes)", positiveInteger)
    .option("--images <count>", "training images", positiveInteger, 3000)
    .option("--epochs <count>", "passes over them", positiveInteger, 4)
    .option("--seeds <count>", "trainings of each network", positiveInteger, 5)
    .option("--kernel-sizes <list>", "of the ring convolutions, odd", oddIntegers, [5, 9])
    .option("--json", "print one JSON object per training", false)
    .action(learning);
}

interface LearningOptions extends CommonOptions {
  threads?: number;
  images: number;
  epochs: number;
  seeds: number;
  kernelSizes: number[];
}

async function learning(options: LearningOptions): Promise<void> {
  await useBackend(options.backend, { threads: options.threads });
  const results: LearningResult[] = [];
  await benchLearning(options, (result) => {
    results.push(result);
    const { ringBasis = "dense", kernelSize, seed, training } = result;
    if (!options.json) note(`${ringBasis} ${kernelSize}, seed ${seed}: ${(100 * training).toFixed(1)} %`);
    printer(options)(result);
  });
  print(options, () => learningTable(results));
}

interface ModelsOptions extends CommonOptions {
  threads?: number;
  only?: RegExp;
  batch?: number;
  checkpointStages: boolean;
}

async function models(options: ModelsOptions): Promise<void> {
  const benches = MODEL_BENCHES.filter(({ name }) => options.only?.test(name) ?? true).map((bench) => ({
    ...bench,
    batch: options.batch ?? bench.batch,
    checkpointStages: options.checkpointStages,
  }));
  const steps: ModelStep[] = [];
  const { backend, threads } = options;
  await benchModels(benches, { backend, threads, runs: options.repeat }, (step) => {
    steps.push(step);
    if (!options.json) note(`${step.name}: ${(step.ms / 1000).toFixed(2)} s, ${step.peakMB} MB`);
    printer(options)(step);
  });
  print(options, () => modelTable(steps));
}

function backendOption(): Option {
  return new Option("--backend <name>", "where to compute").choices(BACKENDS).default("wasm");
}

async function layers(options: LayerOptions): Promise<void> {
  const { shape, filters, kernelSizes, svg, threads } = options;
  if (svg !== undefined) await checkFolder(svg);
  const before = denseKernels("webgpu");
  const { backend } = await useBackend(options.backend, { threads });
  const stockKernels = backend === "webgpu" ? before : undefined;
  const { timestamps } = options;
  if (timestamps && !(backend === "webgpu" && webGpuAdapter().timestamps)) {
    throw new GmrError("unsupported", `no GPU timestamps on ${backend} (${describeBackend()})`);
  }
  const layer = { shape, filters };
  let peers: LayerPeer[] = [];
  try {
    if (options.peers) peers = await layerPeers(layer, python(options), threads, note);
    const settings = { ...layer, kernelSizes, runs: options.repeat, timestamps, stockKernels };
    const times = await benchLayers(settings, printer(options), peers);
    print(options, () => layerTable(times, layer, describeBackend()));
    if (options.peers) printRatios(options, times);
    if (svg !== undefined)
      await writeFile(svg, kernelSizeChart(times, layer, describeEnvironment(options.backend, threads)));
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
  }
}

async function network(options: NetworkOptions): Promise<void> {
  const { batch, imageSize, widths, depths, kernelSizes, classes, impl, backend, threads } = options;
  const shape = { batch, imageSize, widths, depths, kernelSizes, classes };
  const settings: NetworkBenchOptions = { shape, impls: impl, backend, threads, runs: options.repeat };
  if (options.profile) {
    const ops = await profileNetwork(settings);
    for (const op of ops) printer(options)(op);
    print(options, () => profileTable(ops));
    return;
  }
  const peers = options.peers ? [pyTorchNetwork(python(options), shape, note)] : [];
  const times = await benchNetwork(settings, printer(options), peers);
  print(options, () => networkTable(times));
  if (options.peers) printRatios(options, times);
}

/** Prints measurements as they come, if they are wanted as JSON. */
function printer({ json }: CommonOptions): (value: object) => void {
  return (value) => {
    if (json) console.log(JSON.stringify(value));
  };
}

/** Prints a table, unless JSON is wanted. */
function print({ json }: CommonOptions, table: () => string): void {
  if (!json) console.log(table());
}

function printRatios(options: CommonOptions, times: Parameters<typeof ratios>[0]): void {
  const all = ratios(times);
  for (const ratio of all) printer(options)(ratio);
  if (all.length > 0) print(options, () => ratioTable(all));
}

function note(text: string): void {
  console.error(`gmr: ${text}`);
}

function python({ peers }: CommonOptions): string {
  return peerPython(typeof peers === "string" ? peers : undefined);
}

/** Before a long measurement: can the file be written at its end? */
async function checkFolder(file: string): Promise<void> {
  const folder = path.dirname(path.resolve(file));
  await access(folder, constants.W_OK).catch(() => {
    throw new GmrError("io", `cannot write ${file}: ${folder} is not a folder that can be written to`);
  });
}

function fourIntegers(text: string): [number, number, number, number] {
  const values = positiveIntegers(text);
  if (values.length !== 4) {
    throw new InvalidArgumentError("It must be four numbers: batch,height,width,channels.");
  }
  const [batch, height, width, channels] = values;
  return [batch, height, width, channels];
}

function impls(text: string): NetworkImpl[] {
  return names(text).map((name) => {
    const found = NETWORK_IMPLS.find((impl) => impl === name);
    if (found === undefined) throw new InvalidArgumentError('Expected "gmr", "dense" or both.');
    return found;
  });
}
