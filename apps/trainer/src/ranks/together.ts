// Tasks that all ranks do together, one after the other: rank 0 has them, the others are told.

import { GmrError } from "@gmr-conv/core";
import type { Communicator } from "@gmr-conv/distributed";
import { threadsSetting } from "../backend.ts";
import { stopOnSignals } from "../parallel.ts";
import { ParallelProgress } from "../parallelProgress.ts";
import { runTask } from "../runTask.ts";
import type { Monitor, Outcome, Task } from "../tasks.ts";
import { threadsOfRank } from "./withRanks.ts";

/**
 * On rank 0: the results of tasks, in their order.
 * @throws GmrError as {@link runTask}; `unsupported` for synchronised batch normalisation on WebGPU
 */
export async function runTogether(communicator: Communicator, given: readonly Task[]): Promise<Outcome[]> {
  const tasks = given.map((task) => (communicator.size > 1 ? onBlockingBackends(task) : task));
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const progress = new ParallelProgress(1);
  const unlisten = stopOnSignals(stop, (line) => progress.say(line));
  const outcomes: Outcome[] = [];
  try {
    for (const task of tasks) {
      await communicator.broadcast(new TextEncoder().encode(JSON.stringify(task)), true);
      const monitor: Monitor = {
        start: (label, total, done) => progress.start(0, label, total, done),
        update: (done, values) => progress.update(0, done, values),
        note: (text) => progress.say(`${task.network.label}: ${text}`),
        get stopRequested() {
          return stop[0] !== 0;
        },
      };
      const threads = threadsOfRank(communicator, threadsSetting());
      outcomes.push(await runTask({ ...task, threads }, monitor, communicator));
    }
  } finally {
    progress.stop();
    unlisten();
  }
  return outcomes;
}

/**
 * Synchronised batch normalisation exchanges numbers within a step, which needs a backend whose results can be waited
 * for without returning to the event loop: all but WebGPU.
 */
function onBlockingBackends(task: Task): Task {
  if (!task.train || !task.network.train.syncBatchNorm) return task;
  const backends = task.backends.filter((name) => name !== "webgpu");
  if (backends.length > 0) return { ...task, backends };
  throw new GmrError(
    "unsupported",
    `${task.network.name}: --sync-batch-norm does not work on several ranks with --backend webgpu: ` +
      "use node or wasm, or leave it out",
  );
}

/** On rank 0: lets the others end. */
export async function endTogether(communicator: Communicator | undefined): Promise<void> {
  await communicator?.broadcast(new Uint8Array(0), true);
}

/** On the other ranks: does the tasks of rank 0 until it has no more. */
export async function serveTasks(communicator: Communicator): Promise<void> {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const unlisten = stopOnSignals(stop, () => {});
  const monitor: Monitor = {
    start() {},
    update() {},
    note() {},
    get stopRequested() {
      return stop[0] !== 0;
    },
  };
  try {
    for (;;) {
      const bytes = await communicator.broadcast(undefined, true);
      if (bytes.length === 0) return;
      const task = JSON.parse(new TextDecoder().decode(bytes)) as Task;
      await runTask(
        { ...task, threads: threadsOfRank(communicator, threadsSetting()) },
        monitor,
        communicator,
      );
    }
  } finally {
    unlisten();
  }
}
