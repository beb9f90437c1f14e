import { writeFile } from "node:fs/promises";
import { GmrError } from "@gmr-conv/core";
import { describeBackend, useBackend } from "../../backend.ts";
import { benchLayers, checkLayerShape, denseKernels, type LayerPeer } from "../../bench/layers.ts";
import { layerPeers } from "../../bench/peers/installed.ts";
import { layerTable } from "../../bench/tables.ts";
import { describeEnvironment } from "../../environment.ts";
import { checkOutputFile } from "../../outputs.ts";
import { type CommonOptions, note, print, printer, printRatios, python } from "./common.ts";

interface LayerOptions extends CommonOptions {
  threads: number;
  kernelSizes: number[];
  shape: [number, number, number, number];
  filters: number;
  groups: number;
  svg?: string;
  timestamps: boolean;
}

export async function layers(options: LayerOptions): Promise<void> {
  const { shape, filters, groups, kernelSizes, svg, threads } = options;
  const layer = { shape, filters, groups };
  checkLayerShape(layer);
  if (svg !== undefined) checkOutputFile(svg);
  const charts = svg === undefined ? undefined : await import("../../bench/kernelSizeChart.ts");
  const before = denseKernels("webgpu");
  const { backend } = await useBackend(options.backend, { threads });
  const stockKernels = backend === "webgpu" ? before : undefined;
  const { timestamps } = options;
  if (timestamps && !(backend === "webgpu" && (await hasTimestamps()))) {
    throw new GmrError("unsupported", `no GPU timestamps on ${backend} (${describeBackend()})`);
  }
  let peers: LayerPeer[] = [];
  try {
    if (options.peers) peers = await layerPeers(layer, python(options), threads, note);
    const settings = { ...layer, kernelSizes, runs: options.repeat, timestamps, stockKernels };
    const times = await benchLayers(settings, printer(options), peers);
    print(options, () => layerTable(times, layer, describeBackend()));
    if (options.peers) printRatios(options, times);
    if (svg !== undefined && charts)
      await writeFile(
        svg,
        charts.kernelSizeChart(times, layer, describeEnvironment(options.backend, threads)),
      );
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
  }
}

async function hasTimestamps(): Promise<boolean> {
  const { webGpuAdapter } = await import("@gmr-conv/backend-webgpu");
  return webGpuAdapter().timestamps;
}
