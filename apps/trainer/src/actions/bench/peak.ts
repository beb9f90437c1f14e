import { useWasm } from "@gmr-conv/backend-wasm";
import * as tf from "@tensorflow/tfjs";
import { benchLayers, checkLayerShape } from "../../bench/layers.ts";
import type { Peak, PeakShare } from "../../bench/measurements.ts";
import { measurePeak, runsHere, sharesOfPeak } from "../../bench/peak.ts";
import { peakTable } from "../../bench/tables.ts";
import { note, print, printer } from "./common.ts";

interface PeakOptions {
  kernelSizes: number[];
  shape: [number, number, number, number];
  filters: number;
  repeat: number;
  json: boolean;
}

export async function peak(options: PeakOptions): Promise<void> {
  const { shape, filters, kernelSizes, repeat } = options;
  const layer = { shape, filters, groups: 1 };
  checkLayerShape(layer);
  const output = { ...options, backend: "wasm" as const };
  const peaks: Peak[] = [];
  const shares: PeakShare[] = [];
  tf.env().set("PROD", true);
  for (const build of ["plain", "relaxed"] as const) {
    if (!runsHere(build)) {
      note(`no relaxed SIMD in Node ${process.versions.node}: only the plain build is measured`);
      continue;
    }
    await useWasm({ threads: 1, relaxedSimd: build === "relaxed" });
    const before = await measurePeak(build);
    const times = await benchLayers({ ...layer, kernelSizes, runs: repeat }, () => {});
    const after = await measurePeak(build);
    const best = before.gflops > after.gflops ? before : after;
    peaks.push(best);
    shares.push(...sharesOfPeak(times, layer, best));
  }
  for (const value of [...peaks, ...shares]) printer(output)(value);
  print(output, () => peakTable(peaks, shares));
}
