// The thread of one task, with its own TensorFlow.js engine, so that networks train side by side.

import { parentPort, workerData } from "node:worker_threads";
import { GmrError, reasonOf } from "@gmr-conv/core";
import { runTask } from "./runTask.ts";
import type { Monitor, Outcome, Task } from "./tasks.ts";

export interface WorkerInput {
  task: Task;
  /** One 32-bit integer, nonzero once the user has asked to stop. */
  stop: SharedArrayBuffer;
}

export type WorkerMessage =
  | { type: "start"; label: string; total: number; done: number }
  | { type: "note"; text: string }
  | { type: "update"; done: number; values: Record<string, string> }
  | { type: "done"; result: Outcome }
  | { type: "failed"; code: GmrError["code"]; message: string; stack: string | undefined };

const port = parentPort;
if (!port) throw new GmrError("internal", "worker.ts must be started as a worker thread");
const post = (message: WorkerMessage): void => port.postMessage(message);
const { task, stop } = workerData as WorkerInput;
const flag = new Int32Array(stop);
const monitor: Monitor = {
  start: (label, total, done) => post({ type: "start", label, total, done }),
  update: (done, values) => post({ type: "update", done, values }),
  note: (text) => post({ type: "note", text }),
  get stopRequested() {
    return Atomics.load(flag, 0) !== 0;
  },
};
try {
  post({ type: "done", result: await runTask(task, monitor) });
} catch (error) {
  const code = error instanceof GmrError ? error.code : "internal";
  const stack = error instanceof Error ? error.stack : undefined;
  post({ type: "failed", code, message: reasonOf(error), stack });
}
