import { describe, expect, it } from "vitest";
import { kernelSizeChart } from "./kernelSizeChart.ts";
import type { LayerTime } from "./measurements.ts";

const times = (["gmr", "dense", "official"] as const).flatMap((impl) =>
  [3, 9].flatMap((k) =>
    (["forward", "forward+backward"] as const).map(
      (pass): LayerTime => ({ kind: "layer", backend: "wasm", threads: 2, k, impl, pass, ms: k * k }),
    ),
  ),
);
const svg = kernelSizeChart(
  times,
  { shape: [4, 32, 32, 64], filters: 48, groups: 1 },
  { cpu: "Example <9000> & Sons", node: "20.1.0" },
);

describe("kernelSizeChart", () => {
  it("is well-formed", () => {
    const open: string[] = [];
    for (const [, slash, tag, rest] of svg.matchAll(/<(\/?)([a-zA-Z]+)((?:"[^"]*"|[^">])*)>/g)) {
      if (slash === "/") expect(open.pop()).toBe(tag);
      else if (!rest.endsWith("/")) open.push(tag);
      const attributes = rest.match(/[\w:-]+(?==")/g) ?? [];
      expect(new Set(attributes).size).toBe(attributes.length);
    }
    expect(open).toEqual([]);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg.replace(/<[^>]*>/g, "")).not.toContain("<");
  });

  it("refers to nothing outside", () => {
    const rest = svg.replaceAll('xmlns="http://www.w3.org/2000/svg"', "");
    expect(rest).not.toMatch(/https?:|href|url\((?!#)|@import|<script|var\(/);
  });

  it("says what was measured where, with units", () => {
    for (const text of [
      "Time of a convolution over its kernel size",
      "x = [4, 32, 32, 64] → 48 channels",
      "Example &lt;9000&gt; &amp; Sons, Node 20.1.0; wasm: 2 threads",
      "milliseconds (logarithmic)",
      "kernel size",
      "9×9",
      "GMR, forward+backward",
      "official GMR-Conv (PyTorch), forward",
    ]) {
      expect(svg).toContain(text);
    }
  });

  it("draws one line for each implementation and pass", () => {
    expect(svg.match(/<g><line /g)).toHaveLength(6);
    expect(svg).not.toContain("jax-js");
  });
});
