/** Learning curves: raw measurements in light lines, smoothed ones in bold. */

import { integer } from "./format.ts";
import type { Markup } from "./html.ts";
import { axisStyle, type ChartOption, networkColor, responsiveChart } from "./svgChart.ts";
import type { HistoryPoint, NetworkReport } from "./types.ts";

/** The most points per line. */
const MAX_POINTS = 240;

/** Loss (logarithmic) or accuracy over the training steps of all networks. */
export function curveChart(networks: NetworkReport[], quantity: "loss" | "accuracy"): Markup {
  const lines = networks.map(({ history }) =>
    thin(history, MAX_POINTS).map((point) => pick(point, quantity)),
  );
  const ends = networks.flatMap(({ label }, index) => {
    const last = smooth(lines[index]).at(-1);
    return last === undefined ? [] : `${label} ends at ${last[1].toPrecision(3)}.`;
  });
  const frame = {
    id: `curve-${quantity}`,
    width: 540,
    height: 320,
    title: quantity === "loss" ? "Training loss per step" : "Training accuracy per step, in percent",
    description: `Line chart over the training steps. ${ends.join(" ")}`,
  };
  const dots = networks.map(({ validations }) =>
    validations.flatMap(({ step, score, loss }): Point[] => {
      if (quantity === "accuracy") return [[step, 100 * score]];
      return loss === undefined ? [] : [[step, Math.max(loss, 1e-6)]];
    }),
  );
  return responsiveChart(frame, { width: 360, height: 250 }, (isNarrow) =>
    option(lines, dots, quantity, isNarrow),
  );
}

type Point = [step: number, value: number];

function pick(point: HistoryPoint, quantity: "loss" | "accuracy"): Point {
  // A logarithmic axis cannot show a loss of 0.
  return [point.step, quantity === "loss" ? Math.max(point.loss, 1e-6) : 100 * point.accuracy];
}

/** Means over equal intervals, at most `limit` of them. */
function thin(history: HistoryPoint[], limit: number): HistoryPoint[] {
  const stretch = Math.ceil(history.length / limit);
  if (stretch <= 1) return history;
  return Array.from({ length: Math.ceil(history.length / stretch) }, (_, i) => {
    const part = history.slice(i * stretch, (i + 1) * stretch);
    const mean = (key: "loss" | "accuracy") => part.reduce((sum, point) => sum + point[key], 0) / part.length;
    return { ...part[part.length - 1], loss: mean("loss"), accuracy: mean("accuracy") };
  });
}

/** Weighted means around each point, with weights falling off linearly on both sides: smooth without lag. */
function smooth(line: Point[]): Point[] {
  const reach = Math.ceil(line.length / 40);
  return line.map(([step], at) => {
    let sum = 0;
    let weight = 0;
    for (let i = Math.max(0, at - reach); i <= Math.min(line.length - 1, at + reach); i++) {
      const near = 1 - Math.abs(i - at) / (reach + 1);
      sum += near * line[i][1];
      weight += near;
    }
    return [step, sum / weight];
  });
}

function option(
  lines: Point[][],
  dots: Point[][],
  quantity: "loss" | "accuracy",
  isNarrow: boolean,
): ChartOption {
  const style = axisStyle(isNarrow ? 11 : 13);
  const lastStep = Math.max(...lines.map((line) => line.at(-1)?.[0] ?? 0));
  return {
    grid: {
      left: 8,
      right: 18,
      top: 14,
      bottom: 8,
      outerBoundsMode: "same",
      outerBoundsContain: "axisLabel",
    },
    xAxis: {
      ...style,
      type: "value",
      max: lastStep,
      splitLine: { show: false },
      splitNumber: isNarrow ? 3 : 5,
      axisLabel: { ...style.axisLabel, formatter: integer, showMaxLabel: false },
    },
    yAxis: {
      ...style,
      axisLine: { show: false },
      ...(quantity === "loss"
        ? { type: "log" as const }
        : { type: "value" as const, min: accuracyMinimum(lines), max: 100, splitNumber: 4 }),
    },
    series: lines.flatMap((line, index) => {
      const color = networkColor(index);
      const common = { type: "line" as const, silent: true, showSymbol: false };
      return [
        { ...common, data: line, lineStyle: { color, width: 1, opacity: 0.25 } },
        { ...common, data: smooth(line), lineStyle: { color, width: 2.5 }, z: 3 },
        {
          ...common,
          data: dots[index],
          showSymbol: true,
          symbol: "circle",
          symbolSize: 6,
          itemStyle: { color, borderColor: "var(--page)", borderWidth: 1 },
          lineStyle: { width: 0 },
          z: 4,
        },
      ];
    }),
  };
}

/** The axis omits the steep start: it begins below nine tenths of the values, at a multiple of ten. */
function accuracyMinimum(lines: Point[][]): number {
  const values = lines.flatMap((line) => line.map(([, value]) => value)).sort((a, b) => a - b);
  return Math.min(90, Math.floor(values[Math.floor(values.length / 10)] / 10) * 10);
}
