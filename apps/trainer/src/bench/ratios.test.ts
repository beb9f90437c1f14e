import { describe, expect, it } from "vitest";
import type { LayerTime, NetworkTime } from "./measurements.ts";
import { ratios } from "./ratios.ts";

const layer = (impl: LayerTime["impl"], k: number, pass: LayerTime["pass"], ms: number): LayerTime => ({
  kind: "layer",
  backend: impl === "gmr" ? "wasm" : "pytorch",
  threads: 1,
  k,
  impl,
  pass,
  ms,
});

const network = (impl: NetworkTime["impl"], pass: NetworkTime["pass"], ms: number, peakMB: number) => ({
  kind: "network" as const,
  model: "resnet18",
  backend: "wasm",
  threads: impl === "gmr" ? 2 : 1,
  impl,
  pass,
  batch: 32,
  ms,
  peakMB,
});

describe("ratios", () => {
  it("divides ours by theirs, of the same kernel size and pass", () => {
    const times = [
      layer("gmr", 3, "forward", 1),
      layer("official", 3, "forward", 4),
      layer("gmr", 9, "forward", 2),
      layer("official", 9, "forward", 3),
      layer("official-best", 9, "forward+backward", 5),
    ];
    expect(ratios(times)).toEqual([
      {
        kind: "ratio",
        of: "layer",
        k: 3,
        pass: "forward",
        impl: "gmr",
        peer: "official",
        threads: 1,
        peerThreads: 1,
        ratio: 0.25,
      },
      expect.objectContaining({ k: 9, ratio: 0.667 }),
    ]);
  });

  it("compares the memory of networks as well", () => {
    const times = [
      network("gmr", "train-step", 500, 400),
      network("official", "train-step", 2500, 1000),
      network("official", "inference", 400, 600),
      { ...network("official", "train-step", 100, 100), model: "resnet50" },
    ];
    expect(ratios(times)).toEqual([
      {
        kind: "ratio",
        of: "network",
        model: "resnet18",
        pass: "train-step",
        impl: "gmr",
        peer: "official",
        threads: 2,
        peerThreads: 1,
        ratio: 0.2,
        peakRatio: 0.4,
      },
    ]);
  });

  it("leaves batch normalisation out", () => {
    const norm = { ...layer("fused", 1, "forward+backward", 1), kind: "batchnorm" as const };
    expect(ratios([norm, { ...norm, impl: "stock" }])).toEqual([]);
  });
});
