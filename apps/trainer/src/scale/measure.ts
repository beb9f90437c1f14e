// Measures of training steps and exchanges, alone or on all ranks at once.

import type { Batch } from "@gmr-conv/data";
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

export interface Measured {
  /** The fastest step of each number of images without exchanges, computed by all ranks at once: of the slowest rank. */
  steps: MeasuredStep[];
  /** Seconds of steps with the last number of images; undefined for a single process. */
  training?: {
    /** The fastest of one rank, on rank 0, while the others sleep. */
    alone: number;
    /** The fastest and the median of all ranks together. */
    best: number;
    median: number;
  };
}

/** Measures different steps in turn, so that a slow phase of the machine affects all of them alike. */
export async function measureSteps(
  model: tf.LayersModel,
  imageCounts: readonly number[],
  { syncBatchNorm, repeat }: StepOptions,
  communicator: Communicator,
): Promise<Measured> {
  const { context, batchOf } = madeUpTraining(model);
  const recorder = new Recorder(context.variables, syncBatchNorm);
  const exchange = new GradientExchange(communicator, context.variables);
  const batches = imageCounts.map(batchOf);
  const whole = batches[batches.length - 1];
  const record = (batch: Batch): Promise<MeasuredStep> => {
    const others = { ...recorder.others, batchSize: batch.count };
    return recorder.record(batch.count, () => trainStep({ ...context, others }, batch, LEARNING_RATE));
  };
  const train = (): Promise<unknown> => {
    const others = { communicator, exchange, batchSize: whole.count * communicator.size, syncBatchNorm };
    return trainStep({ ...context, others }, whole, LEARNING_RATE);
  };

  const rounds: { alone: number; apart: { step: MeasuredStep; end: number }[]; trained: number }[] = [];
  for (let round = 0; round <= repeat; round++) {
    let [alone, trained] = [0, 0];
    if (communicator.size > 1) {
      if (communicator.rank === 0) alone = (await record(whole)).end;
      await communicator.broadcast(communicator.rank === 0 ? new Uint8Array(1) : undefined, true);
      together(communicator);
      const began = performance.now();
      await train();
      trained = slowest(communicator, (performance.now() - began) / 1000);
    }
    const apart: { step: MeasuredStep; end: number }[] = [];
    for (const batch of batches) {
      together(communicator);
      const step = await record(batch);
      apart.push({ step, end: slowest(communicator, step.end) });
    }
    if (round > 0) rounds.push({ alone, apart, trained }); // the first warms up
  }
  context.optimizer.dispose();

  const steps = batches.map((_, i) => {
    const all = rounds.map(({ apart }) => apart[i]).sort((a, b) => a.end - b.end);
    return all[0].step;
  });
  if (communicator.size === 1) return { steps };
  const times = rounds.map(({ trained }) => trained).sort((a, b) => a - b);
  const alone = Math.min(...rounds.map((round) => round.alone));
  return { steps, training: { alone, best: times[0], median: times[Math.floor(times.length / 2)] } };
}

/** From a number to the size of a few buckets. */
const SWEEP = [8, 256, 4096, 2 ** 14, 2 ** 16, 2 ** 18, 2 ** 20, 2 ** 22, 2 ** 23];

/** Seconds for one length, on slow networks. */
const LONG_ENOUGH = 1;

/** Seconds of the fastest all-reduce of each length: of the slowest rank. */
export function measureExchanges(communicator: Communicator, repeat: number): MeasuredExchange[] {
  const times: MeasuredExchange[] = [];
  for (const bytes of SWEEP) {
    const data = communicator.shared(bytes / 4);
    let [best, total] = [Number.POSITIVE_INFINITY, 0];
    for (let round = 0; round <= repeat && (round < 2 || total < LONG_ENOUGH); round++) {
      together(communicator);
      const began = performance.now();
      communicator.allReduceNow(data);
      const seconds = slowest(communicator, (performance.now() - began) / 1000);
      total += seconds;
      if (round > 0) best = Math.min(best, seconds);
    }
    times.push({ bytes, seconds: best });
  }
  return times;
}

/** Waits for all ranks. */
function together(communicator: Communicator): void {
  communicator.allReduceNow(new Float64Array(1));
}

function slowest(communicator: Communicator, seconds: number): number {
  const all = Float64Array.of(seconds);
  communicator.allReduceNow(all, "max");
  return all[0];
}
