// How a GMR convolution is computed, and what `auto` stands for.

import { describeValue, GmrError, product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { backendTraits } from "./backendTraits.ts";
import type { ConvProblemSize } from "./costModel.ts";
import { RingConv } from "./kernels/ringConv.ts";
import { hasKernel } from "./kernels/run.ts";
import type { ConvPlan } from "./options.ts";

type Choice = "ring" | "dense";

/** Measurements, by backend and problem. */
const measured = new Map<string, Choice>();

/** A convolution that `auto` had to decide on. */
export interface AutoCall {
  key: string;
  size: ConvProblemSize;
  plan: ConvPlan;
}

let recorder: ((call: AutoCall) => void) | undefined;

/** Calls `record` for every convolution of strategy `auto`, until called again with undefined. */
export function recordAutoCalls(record: ((call: AutoCall) => void) | undefined): void {
  recorder = record;
}

/** Stores a measurement. */
export function remember(key: string, choice: Choice): void {
  measured.set(key, choice);
}

/** All measurements so far, by problem: plain JSON, for a cache that outlives the process. */
export function measuredStrategies(): Record<string, Choice> {
  return Object.fromEntries(measured);
}

/**
 * Restores what {@link measuredStrategies} returned.
 * @throws GmrError `invalid-data` if it holds anything but strategies; nothing is restored then
 */
export function restoreMeasuredStrategies(table: Record<string, unknown>): void {
  const entries = Object.entries(table).map(([key, choice]): [string, Choice] => {
    if (choice === "ring" || choice === "dense") return [key, choice];
    throw new GmrError(
      "invalid-data",
      `measured strategies must be "ring" or "dense", got ${describeValue(choice)} for ${describeValue(key)}`,
    );
  });
  for (const [key, choice] of entries) measured.set(key, choice);
}

/** Forgets every measurement, or those of one backend. @param backendName as in `tf.setBackend` */
export function forgetMeasuredStrategies(backendName?: string): void {
  for (const key of measured.keys()) {
    if (backendName === undefined || key.startsWith(`${backendName} `)) measured.delete(key);
  }
}

/**
 * The strategy of one group's convolution on the active backend.
 * @param matrix [Cin, Cout] of the group, or, transposed, [Cout, Cin]
 */
export function resolveStrategy(x: tf.Tensor, matrix: readonly [number, number], plan: ConvPlan): Choice {
  if (plan.strategy !== "auto") return plan.strategy;
  const size = problemSize(x, matrix, plan);
  const key = problemKey(size);
  recorder?.({ key, size, plan });
  return measured.get(key) ?? estimate(size);
}

function estimate(size: ConvProblemSize): Choice {
  const model = backendTraits().costModel;
  if (!model) return hasKernel(RingConv) ? "ring" : "dense";
  const { ring, dense } = model(size);
  return ring <= dense ? "ring" : "dense";
}

function problemSize(x: tf.Tensor, [a, b]: readonly [number, number], plan: ConvPlan): ConvProblemSize {
  const { partition, geometry, rank } = plan;
  const { transposed } = geometry;
  return {
    rank,
    transposed,
    training: tf.engine().isTapeOn(),
    batch: x.shape[0],
    inputSize: geometry.inputSize,
    outputSize: geometry.outputSize,
    inChannels: transposed ? b : a,
    outChannels: transposed ? a : b,
    kernelSize: partition.kernelSize,
    strides: geometry.strides,
    dilations: geometry.dilations,
    padBefore: geometry.padding.map(([before]) => before),
    rings: partition.counts.reduce((sum, count) => sum + Math.min(1, count), 0),
    positions: partition.counts.reduce((sum, count) => sum + count, 0),
    extent: product(geometry.extent),
  };
}

/** Names a problem on the active backend, such as `wasm conv2d x[4,32,32,64] y[4,32,32,64] k[9,9] r5/69`. */
function problemKey(size: ConvProblemSize): string {
  const { batch, inputSize, inChannels, outputSize, outChannels } = size;
  const words = [
    tf.getBackend(),
    `conv${size.rank}d${size.transposed ? "Transpose" : ""}`,
    `x[${[batch, ...inputSize, inChannels]}]`,
    `y[${[batch, ...outputSize, outChannels]}]`,
    `k[${size.kernelSize}]`,
    `r${size.rings}/${size.positions}`,
    `p[${size.padBefore}]`,
  ];
  if (size.training) words.push("training");
  if (size.strides.some((s) => s > 1)) words.push(`s[${size.strides}]`);
  if (size.dilations.some((d) => d > 1)) words.push(`d[${size.dilations}]`);
  return words.join(" ");
}
