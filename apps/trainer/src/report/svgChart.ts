/** Inline SVG charts by ECharts. Colours are CSS variables, so charts follow the page. */
import type { LineSeriesOption } from "echarts/charts";
import type { GridComponentOption, PolarComponentOption } from "echarts/components";
import type { ComposeOption } from "echarts/core";
import { GridComponent, init, LineChart, PolarComponent, SVGRenderer, use } from "./echarts.ts";
import { html, Markup } from "./html.ts";

use([LineChart, GridComponent, PolarComponent, SVGRenderer]);

/** The options of the ECharts components in use. */
export type ChartOption = ComposeOption<LineSeriesOption | GridComponentOption | PolarComponentOption>;

/** A chart's size in CSS pixels and its text alternative. */
interface ChartFrame {
  /** Unique in the document. */
  id: string;
  width: number;
  height: number;
  title: string;
  description: string;
}

/** CSS colours of the page, defined in style.ts. */
export const INK = { text: "var(--muted)", line: "var(--line)", grid: "var(--grid)" } as const;

/** The colour of the n-th network. */
export function networkColor(index: number): string {
  return `var(--net-${index % 4})`;
}

/** Labels and lines of an axis in the page's colours. */
export function axisStyle(fontSize: number) {
  return {
    axisLabel: { color: INK.text, fontSize },
    nameTextStyle: { color: INK.text, fontSize },
    axisLine: { lineStyle: { color: INK.line } },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: INK.grid } },
  };
}

/** Draws a chart, with title and description for screen readers. */
export function svgChart(frame: ChartFrame, option: ChartOption): Markup {
  const { id, width, height, title, description } = frame;
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption({ animation: false, textStyle: { fontFamily: "inherit" }, ...option });
  const drawn = chart.renderToSVGString();
  chart.dispose();
  const body = drawn
    .replace(/^<svg[^>]*>/, "")
    .replace(/<\/svg>\s*$/, "")
    .replace(/<style[\s\S]*?<\/style>/g, "") // hover rules
    .replace(/ class="zr[^"]*"| pointer-events="[^"]*"/g, "")
    .replace(/zr\d+-/g, `${id}-`); // ids count up over the process; make them reproducible
  const size = html`viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  const text = html`<title id="${id}-title">${title}</title><desc id="${id}-desc">${description}</desc>`;
  return html`<svg ${size} role="img" aria-labelledby="${id}-title ${id}-desc">${text}${new Markup(body)}</svg>`;
}

/** The same chart drawn for wide and for narrow screens; the style sheet shows one of them. */
export function responsiveChart(
  frame: ChartFrame,
  narrow: { width: number; height: number },
  option: (isNarrow: boolean) => ChartOption,
): Markup {
  const small = svgChart({ ...frame, ...narrow, id: `${frame.id}-narrow` }, option(true));
  return html`<div class="wide">${svgChart(frame, option(false))}</div><div class="narrow">${small}</div>`;
}
