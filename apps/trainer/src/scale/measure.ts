// Measures of training steps and exchanges, alone or on all ranks at once.

import { type Communicator, singleProcess } from "@gmr-conv/distributed";
import { GradientExchange, type Others, trainStep } from "@gmr-conv/training";
import type * as tf from "@tensorflow/tfjs";
import { madeUpTraining } from "../bench/networkRun.ts";
import type { MeasuredExchange, MeasuredStep } from "./fit.ts";

/** Leaves the weights almost as they are. */
const LEARNING_RATE = 1e-6;

interface StepOptions {
  syncBatchNorm: boolean;
  /** Counted steps of each number of images. */
  repeat: number;
}

/** A process without others that notes when it would exchange what. */
class Recorder {
  readonly others: Omit<Others, "batchSize">;
  private exchanges: { overlaps: boolean; bytes: number; at: number }[] = [];
  private began = 0;

  constructor(variables: readonly tf.Variable[], syncBatchNorm: boolean) {
    const buckets = new Set<ArrayBufferLike>();
    const note = ({ buffer, byteLength: bytes }: Float32Array | Float64Array): void => {
      const at = (performance.now() - this.began) / 1000;
      this.exchanges.push({ overlaps: buckets.has(buffer), bytes, at });
    };
    const communicator: Communicator = {
      ...singleProcess(),
      shared(length) {
        const data = new Float32Array(new SharedArrayBuffer(4 * length));
        buckets.add(data.buffer);
        return data;
      },
      allReduce: async (values) => note(values),
      allReduceNow: note,
    };
    this.others = { communicator, exchange: new GradientExchange(communicator, variables), syncBatchNorm };
  }

  async record(images: number, step: () => Promise<unknown>): Promise<MeasuredStep> {
    this.exchanges = [];
    this.began = performance.now();
    await step();
    return { images, exchanges: this.exchanges, end: (performance.now() - this.began) / 1000 };
  }
}

/**
 * The fastest step of each number of images, without exchanging anything: of the slowest rank, where several compute at
 * the same time.
 */
export async function measureSteps(
  model: tf.LayersModel,
  imageCounts: readonly number[],
  { syncBatchNorm, repeat }: StepOptions,
  communicator: Communicator = singleProcess(),
): Promise<MeasuredStep[]> {
  const { context, batchOf } = madeUpTraining(model);
  const recorder = new Recorder(context.variables, syncBatchNorm);
  const batches = imageCounts.map(batchOf);
  const best: MeasuredStep[] = [];
  let fastest = batches.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round <= repeat; round++) {
    for (const [i, batch] of batches.entries()) {
      await together(communicator);
      const others = { ...recorder.others, batchSize: batch.count };
      const step = await recorder.record(batch.count, () =>
        trainStep({ ...context, others }, batch, LEARNING_RATE),
      );
      const end = await slowest(communicator, step.end);
      if (end >= fastest[i]) continue;
      fastest[i] = end;
      best[i] = step;
    }
    if (round === 0) fastest = batches.map(() => Number.POSITIVE_INFINITY); // it warmed up
  }
  context.optimizer.dispose();
  return best;
}

/** Seconds of the fastest and of the median step in which all ranks take part, with this many images each. */
export async function measureTraining(
  model: tf.LayersModel,
  images: number,
  { syncBatchNorm, repeat }: StepOptions,
  communicator: Communicator,
): Promise<{ best: number; median: number }> {
  const { context, batchOf } = madeUpTraining(model);
  const others: Others = {
    communicator,
    exchange: new GradientExchange(communicator, context.variables),
    batchSize: images * communicator.size,
    syncBatchNorm,
  };
  const batch = batchOf(images);
  const times: number[] = [];
  for (let round = 0; round <= repeat; round++) {
    await together(communicator);
    const began = performance.now();
    await trainStep({ ...context, others }, batch, LEARNING_RATE);
    const seconds = await slowest(communicator, (performance.now() - began) / 1000);
    if (round > 0) times.push(seconds);
  }
  context.optimizer.dispose();
  times.sort((a, b) => a - b);
  return { best: times[0], median: times[Math.floor(times.length / 2)] };
}

/** From a number to the size of a few buckets. */
const SWEEP = [8, 256, 4096, 2 ** 14, 2 ** 16, 2 ** 18, 2 ** 20, 2 ** 22, 2 ** 23];

/** Seconds of the fastest all-reduce of each length: of the slowest rank. */
export async function measureExchanges(
  communicator: Communicator,
  repeat: number,
): Promise<MeasuredExchange[]> {
  const times: MeasuredExchange[] = [];
  for (const bytes of SWEEP) {
    const data = communicator.shared(bytes / 4);
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round <= repeat; round++) {
      await together(communicator);
      const began = performance.now();
      communicator.allReduceNow(data);
      const seconds = await slowest(communicator, (performance.now() - began) / 1000);
      if (round > 0) best = Math.min(best, seconds);
    }
    times.push({ bytes, seconds: best });
  }
  return times;
}

/** Waits for all ranks. */
async function together(communicator: Communicator): Promise<void> {
  communicator.allReduceNow(new Float64Array(1));
}

async function slowest(communicator: Communicator, seconds: number): Promise<number> {
  const all = Float64Array.of(seconds);
  communicator.allReduceNow(all, "max");
  return all[0];
}
