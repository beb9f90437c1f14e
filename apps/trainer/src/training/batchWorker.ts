// Makes the batches of one network, one for each message that asks for it.

import { parentPort, workerData } from "node:worker_threads";
import { GmrError } from "@gmr-conv/core";
import { type BatchWorkerInput, batchStream, loadData } from "./data.ts";

const port = parentPort;
if (!port) throw new GmrError("internal", "batchWorker.ts must be started as a worker thread");
const { config, network, step } = workerData as BatchWorkerInput;
const { train } = await loadData(config);
const stream = batchStream(train, config, network);
const batches = stream.from(Math.floor(step / stream.stepsPerEpoch), step % stream.stepsPerEpoch);
port.on("message", () => {
  const { value: batch } = batches.next();
  const arrays = batch ? [batch.images, batch.labels, batch.indices] : [];
  port.postMessage(
    batch,
    arrays.map(({ buffer }) => buffer as ArrayBuffer),
  );
});
