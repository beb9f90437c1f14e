// Runs each task in its own thread, with a progress bar, and passes Ctrl-C on to it.

import { SHARE_ENV, Worker, type WorkerOptions } from "node:worker_threads";
import { GmrError } from "@gmr-conv/core";
import { atATime, backendsAfter } from "./backend.ts";
import { ParallelProgress } from "./parallelProgress.ts";
import type { Outcome, Task } from "./tasks.ts";
import type { WorkerInput, WorkerMessage } from "./worker.ts";

/**
 * The results of tasks, in their order. As many run at a time as there are processors, if the backend allows that.
 * @throws GmrError of the first task that failed; the others are asked to stop first, so that they leave checkpoints
 */
export async function runTasks(tasks: readonly Task[]): Promise<Outcome[]> {
  const stop = new SharedArrayBuffer(4);
  const flag = new Int32Array(stop);
  const progress = new ParallelProgress(tasks.length);
  const unlisten = stopOnSignals(flag, (line) => progress.say(line));
  const waiting = tasks.map((task, i) => ({ task, i }));
  const results: Outcome[] = [];
  const failures: GmrError[] = [];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next && Atomics.load(flag, 0) === 0; next = waiting.shift()) {
      try {
        results[next.i] = await runWithFallback(
          next.task,
          (task) => runInThread({ task, stop }, next.i, progress),
          (line) => progress.say(line),
        );
      } catch (error) {
        failures.push(
          error instanceof GmrError ? error : new GmrError("internal", String(error), { cause: error }),
        );
        Atomics.store(flag, 0, 1);
      }
    }
  };
  try {
    const lanes = tasks.length > 0 ? atATime(tasks[0].backends, tasks.length) : 0;
    await Promise.all(Array.from({ length: lanes }, lane));
  } finally {
    progress.stop();
    unlisten();
  }
  const failure = failures.find((error) => error.code !== "interrupted") ?? failures[0];
  if (failure) {
    const sameKind = failures.filter((error) => error.code === failure.code);
    throw new GmrError(failure.code, sameKind.map((error) => error.message).join("\n"), { cause: failure });
  }
  if (Atomics.load(flag, 0) !== 0) throw new GmrError("interrupted", "stopped");
  return results;
}

/** Signals that come this soon after one are the same. */
const MS_OF_ONE_SIGNAL = 500;

/** Sets a flag on Ctrl-C and the like; a second signal ends the process. @returns what stops listening */
export function stopOnSignals(flag: Int32Array, say: (line: string) => void): () => void {
  let asked: number | undefined;
  const onSignal = (): void => {
    // npm and launchers pass on a signal that the whole group of processes got already.
    if (asked !== undefined && performance.now() - asked < MS_OF_ONE_SIGNAL) return;
    if (Atomics.load(flag, 0) !== 0) process.exit(130);
    asked = performance.now();
    Atomics.store(flag, 0, 1);
    say("Stopping at the next safe point (again to stop at once)…");
  };
  const onHangUp = (): void => {
    // The terminal is closed: printing to it fails from now on.
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
    onSignal();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.on("SIGHUP", onHangUp);
  return () => {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    process.off("SIGHUP", onHangUp);
  };
}

/** Runs a task; if its device is lost, it continues on the next backend from its last checkpoint. */
export async function runWithFallback(
  task: Task,
  run: (task: Task) => Promise<Outcome>,
  log: (line: string) => void,
): Promise<Outcome> {
  try {
    return await run(task);
  } catch (error) {
    if (!(error instanceof GmrError) || error.code !== "device-lost") throw error;
    log(`${task.network.label}: ${error.message}; continuing from the last checkpoint`);
    return runWithFallback({ ...task, backends: backendsAfter("webgpu") }, run, log);
  }
}

/** @param index of the task, for its progress */
function runInThread(input: WorkerInput, index: number, progress: ParallelProgress): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // The native library reads the environment of the process, not of a worker.
    const options: WorkerOptions = { workerData: input, env: SHARE_ENV };
    const worker = new Worker(new URL("./worker.js", import.meta.url), options);
    let failure: GmrError | undefined;
    worker.on("message", (message: WorkerMessage) => {
      switch (message.type) {
        case "start":
          progress.start(index, message.label, message.total, message.done);
          break;
        case "note":
          progress.say(`${input.task.network.label}: ${message.text}`);
          break;
        case "update":
          progress.update(index, message.done, message.values);
          break;
        case "done":
          resolve(message.result);
          break;
        case "failed": {
          failure = new GmrError(message.code, message.message);
          if (message.stack !== undefined) failure.stack = message.stack;
          // Whatever still runs there must end before another thread continues.
          void worker.terminate();
          break;
        }
      }
    });
    worker.on("error", reject);
    worker.on("exit", (code) => {
      const { label } = input.task.network;
      reject(failure ?? new GmrError("internal", `the thread of ${label} ended early with code ${code}`));
    });
  });
}
