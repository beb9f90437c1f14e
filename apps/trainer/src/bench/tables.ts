// Measurements as tables for the terminal.

import { type Cell, fitTable } from "../fitTable.ts";
import type { LayerShape } from "./layers.ts";
import type { LearningResult } from "./learning.ts";
import type { LayerTime, NetworkTime, OpTime, Ratio } from "./measurements.ts";
import type { ModelStep } from "./models.ts";

/** Ours against the stock ops of the same backend. */
export function layerTable(
  times: readonly LayerTime[],
  { shape, filters }: LayerShape,
  device: string,
): string {
  const rows = table(["k", "pass", "GMR ms", "stock dense ms", "dense / GMR"], ["right", "left"]);
  const find = (like: LayerTime, impl: LayerTime["impl"]): LayerTime | undefined =>
    times.find((t) => t.kind === like.kind && t.k === like.k && t.pass === like.pass && t.impl === impl);
  for (const time of times) {
    const ours = time.impl === "gmr" || time.impl === "fused";
    const other =
      time.impl === "gmr" ? (find(time, "stock-dense") ?? find(time, "dense")) : find(time, "stock");
    if (!ours || !other) continue;
    const label = time.kind === "layer" ? String(time.k) : "BN";
    rows.push([label, time.pass, time.ms.toFixed(2), other.ms.toFixed(2), (other.ms / time.ms).toFixed(1)]);
  }
  const [{ backend }] = times;
  return (
    `${backend} (${device}), x = [${shape.join(", ")}], ${shape[3]} → ${filters} channels\n` +
    `${rows.toString()}\nBN: batch normalisation in training, fused against the stock composition.`
  );
}

/** One row for each implementation and pass, of one network after the other. */
export function networkTable(times: readonly NetworkTime[]): string {
  const titleOf = ({ model, batch }: NetworkTime): string => `${model}, batch of ${batch}`;
  const titles = [...new Set(times.map(titleOf))];
  return titles
    .map((title) => {
      const rows = table(
        ["pass", "implementation", "backend", "threads", "ms", "peak MB"],
        ["left", "left", "left"],
      );
      for (const time of times.filter((time) => titleOf(time) === title)) {
        const { pass, impl, backend, threads, ms, peakMB } = time;
        rows.push([pass, impl, backend, threads, ms.toFixed(1), peakMB]);
      }
      return `${title}\n${rows.toString()}`;
    })
    .join("\n\n");
}

/** One row for each network. */
export function modelTable(steps: readonly ModelStep[]): string {
  const rows = table(["network", "input", "step s", "peak MB"], ["left", "right"]);
  for (const { name, batch, options, ms, peakMB } of steps) {
    rows.push([name, [batch, ...options.inputShape].join("×"), (ms / 1000).toFixed(2), peakMB]);
  }
  const [{ backend, threads, checkpointStages } = { backend: "", threads: 0, checkpointStages: false }] =
    steps;
  const how = checkpointStages ? ", stages computed twice" : "";
  return `training steps on ${backend}, ${threadCount(threads)}${how}\n${rows.toString()}`;
}

/** One row for each network: mean and spread over the seeds. */
export function learningTable(results: readonly LearningResult[]): string {
  const rows = table(
    ["network", "k", "parameters", "training", "worst seed", "held out", "turned by 45°", "s"],
    ["left"],
  );
  const keyOf = ({ ringBasis, kernelSize }: LearningResult): string => `${ringBasis} ${kernelSize}`;
  for (const key of new Set(results.map(keyOf))) {
    const same = results.filter((result) => keyOf(result) === key);
    const mean = (of: (result: LearningResult) => number): number =>
      same.reduce((sum, result) => sum + of(result), 0) / same.length;
    const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
    const [{ ringBasis, kernelSize, parameters }] = same;
    rows.push([
      ringBasis ?? "dense",
      kernelSize,
      parameters,
      percent(mean(({ training }) => training)),
      percent(Math.min(...same.map(({ training }) => training))),
      percent(mean(({ heldOut }) => heldOut)),
      percent(mean(({ turned }) => turned)),
      mean(({ seconds }) => seconds).toFixed(1),
    ]);
  }
  return rows.toString();
}

/** Ours over theirs. */
export function ratioTable(ratios: readonly Ratio[]): string {
  const layers = ratios.some(({ k }) => k !== undefined);
  const rows = layers
    ? table(["k", "pass", "peer", "its threads", "time"], ["right", "left", "left"])
    : table(["network", "pass", "peer", "its threads", "time", "peak memory"], ["left", "left", "left"]);
  for (const { k, model, pass, peer, peerThreads, ratio, peakRatio } of ratios) {
    const cells = [pass, peer, peerThreads, ratio];
    rows.push(layers ? [k ?? "", ...cells] : [model ?? "", ...cells, peakRatio ?? ""]);
  }
  const [{ threads }] = ratios;
  return `GMR (${threadCount(threads)}) / peer: below 1, GMR is better\n${rows.toString()}`;
}

/** The ops of a training step, one table for each implementation. */
export function profileTable(ops: readonly OpTime[]): string {
  const impls = [...new Set(ops.map(({ impl }) => impl))];
  return impls
    .map((name) => {
      const own = ops.filter(({ impl }) => impl === name);
      const rows = table(["op", "calls", "ms", "%"], ["left"]);
      for (const { op, calls, ms, percent } of own) {
        rows.push([op, calls || "", ms.toFixed(2), percent.toFixed(1)]);
      }
      const total = own.reduce((sum, { ms }) => sum + ms, 0);
      rows.push(["total", "", total.toFixed(2), "100.0"]);
      const [{ model, backend, threads, batch }] = own;
      const title = `${name}, a training step of ${model}, batch of ${batch}, ${backend}, ${threadCount(threads)}`;
      return `${title}\n${rows.toString()}`;
    })
    .join("\n\n");
}

/** 1 → "one thread". */
export function threadCount(threads: number): string {
  return threads === 1 ? "one thread" : `${threads} threads`;
}

/** Rows under headings. @param left alignments of the first columns; the others are numbers */
function table(heads: string[], left: ("left" | "right")[]) {
  const rows: Cell[][] = [];
  const columns = heads.map((head, i) => ({ head, align: left[i] ?? ("right" as const) }));
  return { push: (row: Cell[]) => rows.push(row), toString: () => fitTable(columns, rows) };
}
