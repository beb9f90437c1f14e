// The images that a run trains on, and their batches.

import { on } from "node:events";
import { Worker } from "node:worker_threads";
import { augmenter, type Batch, BatchStream, type ImageSet, subset } from "@gmr-conv/data";
import { loadMnist, type MnistSplits } from "@gmr-conv/data/node";
import type { NetworkConfig, TrainConfig } from "./config.ts";

/** The images of a run. */
export async function loadData(config: TrainConfig): Promise<MnistSplits> {
  const splits = await loadMnist(config.dataFolder === undefined ? {} : { folder: config.dataFolder });
  if (config.limit === undefined) return splits;
  const count = Math.min(config.limit, splits.train.count);
  const indices = Int32Array.from({ length: count }, (_, i) => i);
  return { train: subset(splits.train, indices), test: splits.test };
}

/** The batches of a network's training. */
export function batchStream(set: ImageSet, config: TrainConfig, network: NetworkConfig): BatchStream {
  return new BatchStream(set, {
    batchSize: config.batchSize,
    epochs: network.epochs,
    seed: config.seed,
    augment: augmenter(config.augment),
  });
}

export interface BatchWorkerInput {
  config: TrainConfig;
  network: NetworkConfig;
  /** Steps already done. */
  step: number;
}

/** Batches that wait, so that the device does not. */
const AHEAD = 4;

/** The batches from a step to the end, made ahead in a thread of their own: the same as those of the stream. */
export async function* batchesAhead(input: BatchWorkerInput): AsyncGenerator<Batch, void, undefined> {
  const worker = new Worker(new URL("./batchWorker.js", import.meta.url), { workerData: input });
  try {
    const answers = on(worker, "message");
    for (let i = 0; i < AHEAD; i++) worker.postMessage("next");
    for await (const [batch] of answers as AsyncIterable<[Batch | undefined]>) {
      if (batch === undefined) return;
      worker.postMessage("next");
      yield batch;
    }
  } finally {
    await worker.terminate();
  }
}
