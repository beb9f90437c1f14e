import { useCallback } from "preact/hooks";
import { Chart, type ChartOption, type Colours } from "../../charts.ts";
import { NETWORKS } from "../../engine/types.ts";
import { lineOf, polarAxes } from "../../polar.ts";
import { ANGLES, type Course } from "./history.ts";
import type { RunState } from "./session.ts";

/** Changes when a course has new points, and with them its chart. */
const lengths = (run: RunState, key: keyof Course): string =>
  NETWORKS.map((name) => {
    const points = run.courses[name][key];
    return `${points.length} ${points.at(-1)?.step}`;
  }).join();

export function LossChart({ run }: { run: RunState }) {
  const option = useCallback(
    (colours: Colours): ChartOption => ({
      grid: { left: 36, right: 12, top: 12, bottom: 28 },
      xAxis: {
        type: "value",
        min: 0,
        max: run.total,
        axisLine: { lineStyle: { color: colours.line } },
        axisTick: { show: false },
        splitLine: { show: false },
        axisLabel: { color: colours.muted },
      },
      yAxis: {
        type: "value",
        min: 0,
        splitNumber: 3,
        splitLine: { lineStyle: { color: colours.line } },
        axisLabel: { color: colours.muted },
      },
      series: NETWORKS.toReversed().map((name) => ({
        ...lineOf(name, colours),
        data: run.courses[name].loss.map(({ step, loss }) => [step, loss]),
      })),
    }),
    [lengths(run, "loss"), run.total],
  );
  const last = NETWORKS.map(
    (name) => `${name} ${run.courses[name].loss.at(-1)?.loss.toFixed(2) ?? "none yet"}`,
  );
  return <Chart option={option} label={`Loss by step. Last: ${last.join(", ")}`} />;
}

/** The last reading of the held-out digits, and faintly those before it. */
const SHOWN_BEFORE = 3;

export function AngleChart({ run }: { run: RunState }) {
  const option = useCallback(
    (colours: Colours): ChartOption => ({
      ...polarAxes(colours),
      series: NETWORKS.toReversed().flatMap((name) => {
        const scores = run.courses[name].scores.slice(-1 - SHOWN_BEFORE);
        return scores.map(({ angles }, i) => {
          const newest = i === scores.length - 1;
          return {
            ...lineOf(name, colours),
            coordinateSystem: "polar" as const,
            symbol: newest ? "circle" : "none",
            lineStyle: {
              color: colours[name],
              width: newest ? 2.5 : 1.5,
              opacity: newest ? 1 : 0.12 * (i + 1),
            },
            data: [...ANGLES, 360].map((angle, n) => [100 * angles[n % angles.length], angle]),
          };
        });
      }),
    }),
    [lengths(run, "scores")],
  );
  const words = NETWORKS.map((name) => {
    const last = run.courses[name].scores.at(-1);
    return last
      ? `${name}: ${last.angles.map((share) => Math.round(100 * share)).join(", ")} %`
      : `${name}: none yet`;
  });
  return <Chart option={option} label={`Accuracy at every 30°. ${words.join("; ")}`} />;
}
