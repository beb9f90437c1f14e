/** How far each ring's Gaussian extends along the radius. */
import type { Markup } from "./html.ts";
import { axisStyle, svgChart } from "./svgChart.ts";

/** Samples between one ring and the next. */
const DENSITY = 12;

/**
 * The Gaussians `exp(−½((l − r)/σ_r)²)` of a layer's rings r over the ring number l, each with its peak at 1.
 *
 * @param id unique in the document
 */
export function mixtureChart(id: string, layer: string, sigmas: number[]): Markup {
  const last = sigmas.length - 1;
  const widths = sigmas.map((sigma) => sigma.toFixed(2)).join(", ");
  const frame = {
    id,
    width: 240,
    height: 96,
    title: `Ring profile of ${layer}`,
    description: `One Gaussian per ring over the ring number, widths ${widths}.`,
  };
  const style = axisStyle(11);
  return svgChart(frame, {
    grid: { left: 6, right: 6, top: 6, bottom: 20 },
    xAxis: { ...style, type: "value", min: 0, max: last, interval: 1, splitLine: { show: false } },
    yAxis: { type: "value", min: 0, max: 1, show: false },
    series: sigmas.map((sigma, ring) => ({
      type: "line" as const,
      silent: true,
      showSymbol: false,
      lineStyle: { color: "var(--accent)", width: 1.5, opacity: 1 - (0.7 * ring) / sigmas.length },
      areaStyle: { color: "var(--accent)", opacity: 0.06 },
      data: Array.from({ length: last * DENSITY + 1 }, (_, i) => {
        const radius = i / DENSITY;
        return [radius, Math.exp(-0.5 * ((radius - ring) / sigma) ** 2)];
      }),
    })),
  });
}
