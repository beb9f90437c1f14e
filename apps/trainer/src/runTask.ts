import { GmrError } from "@gmr-conv/core";
import { evenSubset } from "@gmr-conv/data";
import type { MnistSplits } from "@gmr-conv/data/node";
import { resNet } from "@gmr-conv/models";
import type * as tf from "@tensorflow/tfjs";
import { activeThreads, type BackendName, formatSelection, useBackend } from "./backend.ts";
import { type EvaluationOptions, evaluateNetwork } from "./evaluation/evaluate.ts";
import { describeNetwork } from "./evaluation/networkReport.ts";
import { requireCheckpoint } from "./runs/checkpoint.ts";
import { RunFolder } from "./runs/runFolder.ts";
import type { Evaluated, Monitor, Task } from "./tasks.ts";
import { loadData } from "./training/data.ts";
import { trainNetwork } from "./training/train.ts";

/**
 * Does a task on this thread.
 * @throws GmrError, with code `interrupted` if the monitor asks to stop, `device-lost` if the GPU went away: the task
 *   then goes on from its last checkpoint if it is run again on another backend, in another thread
 */
export async function runTask(task: Task, monitor: Monitor): Promise<Evaluated | undefined> {
  const { threads } = task;
  let onDeviceLost: ((reason: string) => void) | undefined;
  const lost = new Promise<never>((_, reject) => {
    onDeviceLost = (reason) => reject(new GmrError("device-lost", `the WebGPU device was lost (${reason})`));
  });
  lost.catch(() => {}); // Heard below, if the task has not ended by then.
  const selection = await useBackend(task.backends, { threads, onDeviceLost });
  if (selection.skipped.length > 0) monitor.note(formatSelection(selection));
  return Promise.race([runOn(selection.backend, task, monitor), lost]);
}

async function runOn(backend: BackendName, task: Task, monitor: Monitor): Promise<Evaluated | undefined> {
  const { config, network } = task;
  const data = await loadData(config);
  const run = RunFolder.at(task.folder);
  const model = resNet(network.model);
  try {
    if (task.train) await trainNetwork(run, network, model, data.train, config, monitor);
    return task.evaluate && (await evaluateTask(backend, task, run, model, data, task.evaluate, monitor));
  } finally {
    model.dispose();
  }
}

async function evaluateTask(
  backend: BackendName,
  { network, config }: Task,
  run: RunFolder,
  model: tf.LayersModel,
  { train, test }: MnistSplits,
  options: EvaluationOptions,
  monitor: Monitor,
): Promise<Evaluated> {
  const weights = await requireCheckpoint(run, network.name, model);
  const limit = Math.min(options.testLimit ?? test.count, test.count);
  const evaluation = await evaluateNetwork(network.label, model, evenSubset(test, limit), options, monitor);
  const { uprightImages, turnedImages, ...figures } = evaluation;
  const metrics = await run.readMetrics(network.name);
  return {
    backend,
    threads: activeThreads(),
    report: { ...(await describeNetwork(network, model, config, metrics, figures)), weights },
    dataset: { name: test.name, train: train.count, test: uprightImages, evaluated: turnedImages },
    classNames: [...test.classNames],
  };
}
