/** Accuracy over the angle as a polar chart. */

import { percent } from "./format.ts";
import type { Markup } from "./html.ts";
import { angleSummary, curveOf, placeOf } from "./summary.ts";
import { axisStyle, type ChartOption, INK, networkColor, responsiveChart } from "./svgChart.ts";
import type { NetworkReport } from "./types.ts";

/** Accuracy per angle as a closed line for each network. */
export function polarChart(networks: NetworkReport[]): Markup {
  const frame = {
    id: "polar",
    width: 600,
    height: 560,
    title: "Accuracy at every angle",
    description: describe(networks),
  };
  return responsiveChart(frame, { width: 360, height: 350 }, (isNarrow) => option(networks, isNarrow));
}

/** Where the radial axis starts, in percent: 0, or near the worst accuracy if all are high. */
export function radialMinimum(networks: NetworkReport[]): number {
  const lowest = Math.min(...networks.flatMap((network) => curveOf(network).map(({ score }) => 100 * score)));
  if (lowest < 60) return 0;
  return lowest < 90 ? 50 : 80;
}

function option(networks: NetworkReport[], isNarrow: boolean): ChartOption {
  const style = axisStyle(isNarrow ? 11 : 13);
  const min = radialMinimum(networks);
  return {
    polar: { radius: isNarrow ? "80%" : "84%", center: ["50%", "50%"] },
    angleAxis: {
      ...style,
      type: "value",
      min: 0,
      max: 360,
      interval: 30,
      startAngle: 90,
      clockwise: false,
      axisLabel: { ...style.axisLabel, formatter: "{value}°", margin: isNarrow ? 6 : 10 },
    },
    radiusAxis: {
      ...style,
      type: "value",
      min,
      max: 100,
      interval: (100 - min) / 5,
      axisLine: { show: false },
      splitLine: { lineStyle: { color: INK.line } },
      axisLabel: { ...style.axisLabel, formatter: "{value}", fontSize: isNarrow ? 10 : 12 },
    },
    series: networks.map((network, index) => {
      const color = networkColor(index);
      const around = curveOf(network);
      const closed = [
        ...around,
        ...around.slice(0, 1).map((first) => ({ ...first, angle: first.angle + 360 })),
      ];
      return {
        type: "line" as const,
        coordinateSystem: "polar",
        silent: true,
        symbol: "circle",
        symbolSize: isNarrow ? 3 : 5,
        itemStyle: { color },
        lineStyle: { color, width: isNarrow ? 2 : 2.5 },
        areaStyle: { color, opacity: 0.08 },
        data: closed.map(({ angle, score }) => [100 * score, angle]),
      };
    }),
  };
}

function describe(networks: NetworkReport[]): string {
  const parts = networks.flatMap((network) => {
    const summary = angleSummary(network);
    if (summary === undefined) return [];
    const { mean, worst } = summary;
    return `${network.label}: mean ${percent(mean)}, lowest ${percent(worst.score)} at ${placeOf(worst)}.`;
  });
  const plot =
    "Polar plot of accuracy (outwards) over the angle of the turn (counter-clockwise from the top).";
  return [plot, ...parts].join(" ");
}
