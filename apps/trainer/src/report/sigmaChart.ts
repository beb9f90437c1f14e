/** The widths of the Gaussians over training, a small chart per layer. */

import { html, type Markup } from "./html.ts";
import { axisStyle, svgChart } from "./svgChart.ts";
import type { NetworkReport } from "./types.ts";

/** One chart per layer, a line for each ring. */
export function sigmaCharts({ sigmas, label }: NetworkReport, index: number): Markup | undefined {
  const trained = sigmas?.filter(({ points }) => points.length > 1) ?? [];
  if (trained.length === 0) return undefined;
  return html`<details><summary>Widths of the rings' Gaussians over training</summary><div class="layers">${trained.map(
    ({ layer, points }, i) =>
      html`<article class="layer"><h4>${layer}</h4>${svgChart(
        {
          id: `sigmas-${index}-${i}`,
          width: 260,
          height: 130,
          title: `Widths of the Gaussians of ${layer}, ${label}`,
          description: `Lines over the training steps, one for each ring. ${describe(points)}`,
        },
        {
          grid: { left: 34, right: 8, top: 8, bottom: 22 },
          xAxis: { ...axisStyle(10), type: "value", splitLine: { show: false }, splitNumber: 2 },
          yAxis: { ...axisStyle(10), type: "value", scale: true, splitNumber: 3 },
          series: points[0].sigmas.map((_, ring) => ({
            type: "line" as const,
            silent: true,
            showSymbol: false,
            lineStyle: {
              color: "var(--accent)",
              width: 1.5,
              opacity: 1 - (0.7 * ring) / points[0].sigmas.length,
            },
            data: points.map(({ step, sigmas: widths }) => [step, widths[ring]]),
          })),
        },
      )}</article>`,
  )}</div></details>`;
}

function describe(points: { sigmas: number[] }[]): string {
  const text = (widths: number[]): string => widths.map((width) => width.toFixed(2)).join(", ");
  return `From ${text(points[0].sigmas)} to ${text(points[points.length - 1].sigmas)}, innermost ring first.`;
}
