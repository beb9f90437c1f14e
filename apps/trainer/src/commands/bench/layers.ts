import { writeFile } from "node:fs/promises";
import { webGpuAdapter } from "@gmr-conv/backend-webgpu";
import { GmrError } from "@gmr-conv/core";
import { type Command, InvalidArgumentError } from "commander";
import { describeBackend, useBackend } from "../../backend.ts";
import { kernelSizeChart } from "../../bench/kernelSizeChart.ts";
import { benchLayers, denseKernels, type LayerPeer } from "../../bench/layers.ts";
import { layerPeers } from "../../bench/peers/installed.ts";
import { layerTable } from "../../bench/tables.ts";
import { describeEnvironment } from "../../environment.ts";
import { checkOutputFile } from "../../outputs.ts";
import { oddIntegers, positiveInteger, positiveIntegers } from "../options.ts";
import {
  backendOption,
  type CommonOptions,
  note,
  PEERS,
  print,
  printer,
  printRatios,
  python,
} from "./common.ts";

interface LayerOptions extends CommonOptions {
  threads: number;
  kernelSizes: number[];
  shape: [number, number, number, number];
  filters: number;
  svg?: string;
  timestamps: boolean;
}

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
    .action(layers);
}

async function layers(options: LayerOptions): Promise<void> {
  const { shape, filters, kernelSizes, svg, threads } = options;
  if (svg !== undefined) checkOutputFile(svg);
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

function fourIntegers(text: string): [number, number, number, number] {
  const values = positiveIntegers(text);
  if (values.length !== 4) {
    throw new InvalidArgumentError("It must be four numbers: batch,height,width,channels.");
  }
  const [batch, height, width, channels] = values;
  return [batch, height, width, channels];
}
