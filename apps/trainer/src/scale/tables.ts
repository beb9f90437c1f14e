// Predictions as text.

import { fitTable } from "../fitTable.ts";
import type { Cluster, Line, Link, ScalingRow, StepTime } from "./model.ts";

/** A prediction for the ranks that are there, and what was measured. Seconds and bytes. */
export interface Comparison {
  ranks: number;
  mpi: string;
  oneMachine: boolean;
  imagesPerRank: number;
  /** A step of one rank while the others sleep. */
  alone: number;
  predicted: StepTime;
  /** The fastest step, and the median. */
  measured: number;
  median: number;
  /** Fitted to the exchanges. */
  link: Link;
  exchanges: { bytes: number; seconds: number; predicted: number }[];
}

export interface ScaleResult {
  model: string;
  backend: string;
  device: string;
  threads: number;
  syncBatchNorm: boolean;
  gradientBytes: number;
  /** The fastest of each number of images. */
  steps: { images: number; seconds: number }[];
  /** The line through them, and its largest relative error. */
  fit: Line & { error: number };
  cluster: Cluster;
  imagesPerRank: number;
  batchSize: number;
  weak: ScalingRow[];
  strong: ScalingRow[];
  comparison?: Comparison;
}

export function scaleText(result: ScaleResult): string {
  const { model, backend, device, gradientBytes, steps, fit, cluster, imagesPerRank, batchSize } = result;
  const measured = steps.map(({ images, seconds }) => `${images}: ${time(seconds)}`).join(", ");
  const { network, memory, ranksPerMachine } = cluster;
  const places =
    ranksPerMachine === 1
      ? "one rank on each machine"
      : `${ranksPerMachine} ranks on each machine, with ${link(memory)} between them`;
  return [
    `${model} on ${backend} (${device}), ${size(gradientBytes)} of gradients` +
      (result.syncBatchNorm ? ", batches normalised as a whole" : ""),
    `steps by images: ${measured}; about ${time(fit.fixed)} + ${time(fit.perImage)} per image (within ${percent(fit.error)})`,
    ...(result.comparison ? ["", comparisonText(result.comparison)] : []),
    "",
    `predicted for a network of ${link(network)}, ${places}`,
    "",
    `weak scaling: ${imagesPerRank} images on each rank`,
    rowTable(result.weak),
    "",
    `strong scaling: ${batchSize} images on all ranks together`,
    rowTable(result.strong),
  ].join("\n");
}

/** `hidden` is a share of the exchange, `waiting` of the step. */
function rowTable(rows: readonly ScalingRow[]): string {
  if (rows.length === 0) return "fewer images than ranks";
  return fitTable(
    [
      "ranks",
      "images per rank",
      "images/s",
      "speed-up",
      "efficiency",
      "step",
      "exchange",
      "hidden",
      "exposed",
    ].map((head) => ({ head, align: "right" as const })),
    rows.map((row) => [
      row.ranks,
      row.imagesPerRank,
      row.imagesPerSecond.toPrecision(4),
      row.speedUp.toFixed(2),
      percent(row.efficiency),
      time(row.step),
      time(row.hidden + row.exposed),
      row.ranks === 1 ? "–" : percent(row.hiddenShare),
      percent(row.exposed / row.step),
    ]),
  );
}

function comparisonText(found: Comparison): string {
  const { ranks, mpi, oneMachine, imagesPerRank, alone, predicted, measured, median } = found;
  const right = { align: "right" as const };
  const perSecond = (seconds: number, count: number): string =>
    ((count * imagesPerRank) / seconds).toPrecision(4);
  const speedUp = (seconds: number): string => ((ranks * alone) / seconds).toFixed(2);
  const error = (value: number, truth: number): string => {
    const share = value / truth - 1;
    return `${share < 0 ? "−" : "+"}${percent(Math.abs(share))}`;
  };
  const steps = fitTable(
    [
      { head: "" },
      { head: "step", ...right },
      { head: "images/s", ...right },
      { head: "speed-up", ...right },
    ],
    [
      ["one rank, measured", time(alone), perSecond(alone, 1), "1.00"],
      [
        `${ranks} ranks without exchanges, measured`,
        time(predicted.compute),
        perSecond(predicted.compute, ranks),
        speedUp(predicted.compute),
      ],
      [
        `${ranks} ranks, predicted`,
        time(predicted.step),
        perSecond(predicted.step, ranks),
        speedUp(predicted.step),
      ],
      [`${ranks} ranks, measured`, time(measured), perSecond(measured, ranks), speedUp(measured)],
    ],
  );
  const exchanges = fitTable(
    ["all-reduce", "measured", "fitted", "error"].map((head) => ({ head, ...right })),
    found.exchanges.map(({ bytes, seconds, predicted: fitted }) => [
      size(bytes),
      time(seconds),
      time(fitted),
      error(fitted, seconds),
    ]),
  );
  return [
    `${ranks} ranks by ${mpi}, ${imagesPerRank} images each; the prediction is off by ${error(predicted.step, measured)} ` +
      `of the fastest step (the median: ${time(median)})`,
    steps,
    "",
    `exchanges ${oneMachine ? "within this machine" : "between machines"}: ${link(found.link)}`,
    exchanges,
  ].join("\n");
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function time(seconds: number): string {
  if (seconds >= 1) return `${seconds.toPrecision(3)} s`;
  return seconds >= 1e-3 ? `${(1e3 * seconds).toPrecision(3)} ms` : `${(1e6 * seconds).toFixed(0)} µs`;
}

function size(bytes: number): string {
  if (bytes >= 2 ** 20) return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return bytes >= 2 ** 10 ? `${(bytes / 2 ** 10).toFixed(0)} KiB` : `${bytes} B`;
}

function link({ bandwidth, latency }: Link): string {
  const rate =
    bandwidth >= 1e9
      ? `${(bandwidth / 1e9).toPrecision(3)} GB/s`
      : `${(bandwidth / 1e6).toPrecision(3)} MB/s`;
  return `${rate} and ${time(latency)}`;
}
