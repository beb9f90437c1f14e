// Batches prepared ahead in their own threads, so that the device does not wait.

import { on } from "node:events";
import { Worker } from "node:worker_threads";
import { GmrError } from "@gmr-conv/core";
import type { Batch, BatchPart } from "@gmr-conv/data";
import type { Communicator } from "@gmr-conv/distributed";
import type { NetworkConfig, RunConfig } from "../config/schema.ts";

export interface LoaderInput {
  config: RunConfig;
  network: NetworkConfig;
  /** The first step of this loader, and the distance to its next one. */
  step: number;
  stride: number;
  /** The part of each batch that this process gets. */
  part: BatchPart | undefined;
}

/** The answer of a loader: a batch, the end, or an error. */
export type LoaderAnswer =
  | { type: "batch"; batch: Batch }
  | { type: "end" }
  | { type: "failed"; code: GmrError["code"]; message: string };

/** Number of batches that each loader prepares ahead. */
const AHEAD = 4;

/** The batches from a step to the end: the same for any number of loaders. */
export async function* batchesAhead(
  config: RunConfig,
  network: NetworkConfig,
  step: number,
  { rank, size }: Pick<Communicator, "rank" | "size"> = { rank: 0, size: 1 },
): AsyncGenerator<Batch, void, undefined> {
  const stride = config.loaders;
  const loaders = Array.from({ length: stride }, (_, i) => {
    const part = size > 1 ? { index: rank, of: size } : undefined;
    const workerData: LoaderInput = { config, network, step: step + i, stride, part };
    const worker = new Worker(new URL("./loader.js", import.meta.url), { workerData });
    for (let ahead = 0; ahead < AHEAD; ahead++) worker.postMessage("next");
    return { worker, answers: on(worker, "message")[Symbol.asyncIterator]() };
  });
  try {
    for (let turn = 0; ; turn = (turn + 1) % stride) {
      const { worker, answers } = loaders[turn];
      const answer = (await answers.next()).value?.[0] as LoaderAnswer;
      if (answer.type === "end") return;
      if (answer.type === "failed") throw new GmrError(answer.code, answer.message);
      worker.postMessage("next");
      yield answer.batch;
    }
  } finally {
    await Promise.all(loaders.map(({ worker }) => worker.terminate()));
  }
}
