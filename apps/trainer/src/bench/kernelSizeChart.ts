// Time over kernel size as a self-contained SVG file with colours, title and legend.

import { html } from "../report/html.ts";
import { type ChartOption, svgChart } from "../report/svgChart.ts";
import type { LayerShape } from "./layers.ts";
import type { LayerTime } from "./measurements.ts";
import { threadCount } from "./tables.ts";

/** Where the times were measured. */
export interface Machine {
  cpu: string;
  node: string;
}

const WIDTH = 760;
const CHART_HEIGHT = 380;
const MARGIN = 24;
const LEGEND_TOP = 92;
const LEGEND_ROW = 22;
const COLORS = { text: "#1b1d22", muted: "#5d626d", line: "#b9bdc6", grid: "#e4e6ea", page: "#ffffff" };

const IMPLS: readonly { impl: LayerTime["impl"]; label: string; color: string }[] = [
  { impl: "gmr", label: "GMR", color: "#2457c5" },
  { impl: "dense", label: "TensorFlow.js dense", color: "#c2570c" },
  { impl: "jax-dense", label: "jax-js dense", color: "#a07800" },
  { impl: "pytorch-dense", label: "PyTorch dense", color: "#6b7280" },
  { impl: "official", label: "official GMR-Conv (PyTorch)", color: "#0f8a6d" },
  { impl: "official-best", label: "official GMR-Conv, best mode", color: "#9333a8" },
];

interface Line {
  label: string;
  color: string;
  dashed: boolean;
  points: [k: number, ms: number][];
}

/** One line for each implementation and pass, time on a logarithmic axis. */
export function kernelSizeChart(times: readonly LayerTime[], shape: LayerShape, machine: Machine): string {
  const lines = linesOf(times);
  const legendRows = Math.ceil(lines.length / 2);
  const chartTop = LEGEND_TOP + legendRows * LEGEND_ROW;
  const height = chartTop + CHART_HEIGHT + MARGIN;
  const title = "Time of a convolution over its kernel size";
  const chart = svgChart(
    {
      id: "kernel-size",
      width: WIDTH - 2 * MARGIN,
      height: CHART_HEIGHT,
      title,
      description: lines.map(describe).join(" "),
    },
    option(lines),
  );
  const picture = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"
 width="${WIDTH}" height="${height}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="13"
 fill="${COLORS.muted}"><rect width="100%" height="100%" fill="${COLORS.page}"/>
<text x="${MARGIN}" y="38" font-size="20" font-weight="600" fill="${COLORS.text}">${title}</text>
<text x="${MARGIN}" y="60">${shapeLine(shape)}</text>
<text x="${MARGIN}" y="79">${machineLine(times, machine)}</text>
${lines.map((line, i) => legendEntry(line, i, legendRows))}
<g transform="translate(${MARGIN} ${chartTop})">${chart}</g></svg>`;
  return `${picture.text}\n`;
}

function linesOf(times: readonly LayerTime[]): Line[] {
  return (["forward", "forward+backward"] as const).flatMap((pass) =>
    IMPLS.flatMap(({ impl, label, color }) => {
      const points = times
        .filter((time) => time.kind === "layer" && time.impl === impl && time.pass === pass)
        .map(({ k, ms }): [number, number] => [k, ms])
        .sort(([a], [b]) => a - b);
      if (points.length === 0) return [];
      return [{ label: `${label}, ${pass}`, color, dashed: pass !== "forward", points }];
    }),
  );
}

function shapeLine({ shape, filters, groups }: LayerShape): string {
  const grouped = groups === 1 ? "" : `, groups = ${groups}`;
  return `x = [${shape.join(", ")}] → ${filters} channels${grouped}, float32, stride 1; best of several runs in turn`;
}

function machineLine(times: readonly LayerTime[], { cpu, node }: Machine): string {
  const backends = [...new Set(times.map(({ backend, threads }) => `${backend}: ${threadCount(threads)}`))];
  return `${cpu}, Node ${node}; ${backends.join(", ")}`;
}

function describe({ label, points }: Line): string {
  return `${label}: ${points.map(([k, ms]) => `k = ${k} ${ms.toPrecision(3)} ms`).join(", ")}.`;
}

/** Legend entries are in two columns, forward and backward of an implementation side by side. */
function legendEntry({ label, color, dashed }: Line, index: number, rows: number) {
  const x = MARGIN + (index < rows ? 0 : (WIDTH - 2 * MARGIN) / 2);
  const y = LEGEND_TOP + (index % rows) * LEGEND_ROW + LEGEND_ROW / 2;
  const dashes = dashed && html` stroke-dasharray="6 4"`;
  return html`<g><line x1="${x}" x2="${x + 30}" y1="${y}" y2="${y}" stroke="${color}" stroke-width="2.5"${dashes}/>
<text x="${x + 38}" y="${y + 4}" fill="${COLORS.text}">${label}</text></g>`;
}

function option(lines: readonly Line[]): ChartOption {
  const sizes = [...new Set(lines.flatMap(({ points }) => points.map(([k]) => k)))].sort((a, b) => a - b);
  const text = { color: COLORS.muted, fontSize: 13 };
  const axis = {
    axisLabel: text,
    nameTextStyle: text,
    nameLocation: "middle" as const,
    axisLine: { lineStyle: { color: COLORS.line } },
    axisTick: { show: false },
  };
  return {
    grid: { left: 62, right: 12, top: 12, bottom: 50 },
    xAxis: {
      ...axis,
      type: "category",
      data: sizes.map((k) => `${k}×${k}`),
      name: "kernel size",
      nameGap: 32,
    },
    yAxis: {
      ...axis,
      type: "log",
      name: "milliseconds (logarithmic)",
      nameGap: 42,
      splitLine: { lineStyle: { color: COLORS.grid } },
    },
    series: lines.map(({ color, dashed, points }) => ({
      type: "line" as const,
      silent: true,
      symbol: dashed ? "emptyCircle" : "circle",
      symbolSize: 7,
      itemStyle: { color },
      lineStyle: { color, width: 2, type: dashed ? ("dashed" as const) : ("solid" as const) },
      data: points.map(([k, ms]) => [`${k}×${k}`, ms]),
    })),
  };
}
