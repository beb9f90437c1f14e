// Prepares batches of one network, one per request.

import { parentPort, workerData } from "node:worker_threads";
import { GmrError, reasonOf } from "@gmr-conv/core";
import { cached } from "@gmr-conv/data";
import { loadDataset } from "@gmr-conv/data/node";
import { batchStream, trainSettings } from "@gmr-conv/training";
import { limited } from "../config/resolve.ts";
import type { LoaderAnswer, LoaderInput } from "./ahead.ts";

const port = parentPort;
if (!port) throw new GmrError("internal", "loader.ts must be started as a worker thread");
const { config, network, step, stride, part } = workerData as LoaderInput;
const answer = (message: LoaderAnswer, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

const batches = (async function* () {
  const { train } = await loadDataset(config.dataset);
  const dataset = cached(limited(train, config.limit), config.cacheMegabytes * 2 ** 20);
  const stream = batchStream(dataset, trainSettings(dataset.count, network.train), part);
  yield* stream.from(Math.floor(step / stream.stepsPerEpoch), step % stream.stepsPerEpoch, stride);
})();

port.on("message", async () => {
  try {
    const { value: batch } = await batches.next();
    if (!batch) return answer({ type: "end" });
    const arrays = [batch.images, batch.labels, batch.indices, ...(batch.shares ? [batch.shares] : [])];
    // Arrays that are views of larger ones must not be transferred.
    const whole = arrays.every(({ buffer, byteLength }) => buffer.byteLength === byteLength);
    answer({ type: "batch", batch }, whole ? arrays.map(({ buffer }) => buffer as ArrayBuffer) : []);
  } catch (error) {
    const code = error instanceof GmrError ? error.code : "internal";
    answer({ type: "failed", code, message: reasonOf(error) });
  }
});
