// The radial profile of a kernel: the Gaussians of its rings, and what they add up to.

import { ringPartition } from "@gmr-conv/core";
import type { ChartOption, Colours } from "../../charts.ts";

interface Picture {
  width: number;
  values: readonly number[];
}

/** Points of a curve between one ring and the next. */
const DENSITY = 12;

/** @param sigmas widths in ring units, innermost first */
export function profileOption(
  sigmas: readonly number[],
  picture: Picture | undefined,
  kernelSize: number,
  colours: Colours,
): ChartOption {
  const last = Math.max(1, sigmas.length - 1);
  const values = picture ? ringValues(picture, kernelSize) : [];
  const axis = {
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { show: false },
    axisLabel: { color: colours.muted, fontSize: 12 },
    splitLine: { show: false },
  };
  return {
    grid: { left: 8, right: 8, top: 10, bottom: 26 },
    xAxis: {
      ...axis,
      type: "value",
      min: 0,
      max: last,
      interval: 1,
      axisLabel: { ...axis.axisLabel, formatter: (ring: number) => (ring === 0 ? "centre" : `ring ${ring}`) },
    },
    yAxis: { type: "value", min: Math.min(-0.1, ...values) * 1.1, max: 1.1, show: false },
    series: [
      ...sigmas.map((sigma, ring) => ({
        type: "line" as const,
        silent: true,
        showSymbol: false,
        lineStyle: { color: colours.gmr, width: 1.5, opacity: 0.7 },
        areaStyle: { color: colours.gmr, opacity: 0.07 },
        data: Array.from({ length: last * DENSITY + 1 }, (_, i) => {
          const place = i / DENSITY;
          return [place, Math.exp(-0.5 * ((place - ring) / sigma) ** 2)];
        }),
      })),
      {
        type: "line",
        silent: true,
        symbol: "circle",
        symbolSize: 8,
        itemStyle: { color: colours.text },
        lineStyle: { color: colours.text, width: 2 },
        data: values.map((value, ring) => [ring, value]),
      },
    ],
  };
}

/** The kernel's value on each ring, as a share of the largest. */
function ringValues({ values }: Picture, kernelSize: number): number[] {
  const { index, numRings } = ringPartition(kernelSize, { rank: 2 });
  const largest = Math.max(...values.map(Math.abs)) || 1;
  return Array.from({ length: numRings }, (_, ring) => (values[index.indexOf(ring)] ?? 0) / largest);
}
