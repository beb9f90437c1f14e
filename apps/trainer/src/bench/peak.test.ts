import { describe, expect, it } from "vitest";
import type { LayerTime } from "./measurements.ts";
import { measurePeak, runsHere, sharesOfPeak } from "./peak.ts";
import { peakTable } from "./tables.ts";

const layer = (impl: LayerTime["impl"], pass: LayerTime["pass"], ms: number): LayerTime => ({
  kind: "layer",
  backend: "wasm",
  threads: 1,
  k: 5,
  impl,
  pass,
  ms,
});

describe("bench peak", () => {
  it.each(["plain", "relaxed"] as const)("measures the %s build where the engine has it", async (build) => {
    if (!runsHere(build)) {
      expect(build).toBe("relaxed");
      await expect(measurePeak(build)).rejects.toThrow("this engine has no relaxed WebAssembly SIMD");
      return;
    }
    const { gflops } = await measurePeak(build, 2);
    expect(gflops).toBeGreaterThan(0.5);
    expect(gflops).toBeLessThan(1000);
  });

  it("counts the multiply-adds of rings and of taps", () => {
    const shape = { shape: [2, 10, 10, 8], filters: 4, groups: 1 } as const;
    const peak = { kind: "peak", build: "plain", gflops: 1 } as const;
    const times = [
      layer("gmr", "forward", 0.1),
      layer("dense", "forward+backward", 10),
      layer("official", "forward", 1),
    ];
    const shares = sharesOfPeak(times, shape, peak);
    // 2 · 100 · 8 · 4 products for each of 3 rings or 25 taps.
    expect(shares.map(({ impl, gflops, percent }) => [impl, gflops, percent])).toEqual([
      ["gmr", 0.384, 38.4],
      ["dense", 0.096, 9.6],
    ]);
    const text = peakTable([peak], shares);
    expect(text).toContain("plain SIMD, one core: 1.0 GFLOP/s");
    expect(text).toMatch(/plain │ 5 │ forward\s+│ gmr\s+│\s+0\.10 │\s+0\.4 │\s+38/);
  });
});
