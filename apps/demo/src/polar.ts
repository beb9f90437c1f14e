// Plots around the circle: 0° at the top, angles counter-clockwise, per cent along the radius.

import type { ChartOption, Colours } from "./charts.ts";
import type { NetworkName } from "./engine/types.ts";

interface AxesOptions {
  /** Of the plot, as a share of its box; default 80 %. */
  radius?: string;
  /** Per cent in the centre; default 0. */
  min?: number;
  /** Whether the rings are labelled; default true. */
  labels?: boolean;
}

export function polarAxes(
  colours: Colours,
  { radius = "80%", min = 0, labels = true }: AxesOptions = {},
): ChartOption {
  const lines = { lineStyle: { color: colours.line } };
  return {
    polar: { radius, center: ["50%", "50%"] },
    angleAxis: {
      type: "value",
      min: 0,
      max: 360,
      interval: 45,
      startAngle: 90,
      clockwise: false,
      axisLine: lines,
      axisTick: { show: false },
      splitLine: lines,
      axisLabel: { color: colours.muted, formatter: "{value}°", fontSize: 12, margin: 6 },
    },
    radiusAxis: {
      type: "value",
      min,
      max: 100,
      splitNumber: 2,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: lines,
      axisLabel: { show: labels, color: colours.muted, fontSize: 10, formatter: "{value} %" },
    },
  };
}

/** How a network's line looks, in any chart. */
export const lineOf = (name: NetworkName, colours: Colours) => ({
  type: "line" as const,
  silent: true,
  symbol: "circle",
  symbolSize: 4,
  itemStyle: { color: colours[name] },
  lineStyle: { color: colours[name], width: 2.5 },
});

/**
 * The points of a line around the circle, which is open where angles are missing.
 * @param values from 0 to 1 by angle; null where nothing is known
 * @param step degrees between neighbours, at most
 */
export function aroundCircle(
  values: ReadonlyMap<number, number | null>,
  step: number,
): [number | null, number][] {
  const angles = [...values.keys()].sort((a, b) => a - b);
  const at = (angle: number): number | null => {
    const value = values.get(angle) ?? null;
    return value === null ? null : 100 * value;
  };
  const points = angles.flatMap((angle, i): [number | null, number][] => {
    const gap = i > 0 && angle - angles[i - 1] > step;
    return gap
      ? [
          [null, angle],
          [at(angle), angle],
        ]
      : [[at(angle), angle]];
  });
  if (values.has(0) && angles[angles.length - 1] >= 360 - step) points.push([at(0), 360]);
  return points;
}
