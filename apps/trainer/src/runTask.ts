import { evenSubset, subset } from "@gmr-conv/data";
import { loadMnist, type MnistSplits } from "@gmr-conv/data/node";
import { resNet } from "@gmr-conv/models";
import type * as tf from "@tensorflow/tfjs";
import { useBackend } from "./backend.ts";
import { type EvaluationOptions, evaluateNetwork } from "./evaluation/evaluate.ts";
import { describeNetwork } from "./evaluation/networkReport.ts";
import { requireCheckpoint } from "./runs/checkpoint.ts";
import { RunFolder } from "./runs/runFolder.ts";
import type { Evaluated, Monitor, Task } from "./tasks.ts";
import type { TrainConfig } from "./training/config.ts";
import { trainNetwork } from "./training/train.ts";

/** Does a task on this thread. @throws GmrError, with code `interrupted` if the monitor asks to stop */
export async function runTask(task: Task, monitor: Monitor): Promise<Evaluated | undefined> {
  const { config, network } = task;
  await useBackend(config.backend, task.threads);
  const data = await loadData(config);
  const run = RunFolder.at(task.folder);
  const model = resNet(network.model);
  try {
    if (task.train) await trainNetwork(run, network, model, data.train, config, monitor);
    return task.evaluate && (await evaluateTask(task, run, model, data, task.evaluate, monitor));
  } finally {
    model.dispose();
  }
}

async function evaluateTask(
  { network, config }: Task,
  run: RunFolder,
  model: tf.LayersModel,
  { train, test }: MnistSplits,
  options: EvaluationOptions,
  monitor: Monitor,
): Promise<Evaluated> {
  await requireCheckpoint(run, network.name, model);
  const limit = Math.min(options.testLimit ?? test.count, test.count);
  const evaluation = await evaluateNetwork(network.label, model, evenSubset(test, limit), options, monitor);
  const { uprightImages, turnedImages, ...figures } = evaluation;
  const metrics = await run.readMetrics(network.name);
  return {
    report: await describeNetwork(network, model, config, metrics, figures),
    dataset: { name: test.name, train: train.count, test: uprightImages, evaluated: turnedImages },
    classNames: [...test.classNames],
  };
}

/** The images of a run. */
async function loadData(config: TrainConfig): Promise<MnistSplits> {
  const splits = await loadMnist(config.dataFolder === undefined ? {} : { folder: config.dataFolder });
  if (config.limit === undefined) return splits;
  const count = Math.min(config.limit, splits.train.count);
  const indices = Int32Array.from({ length: count }, (_, i) => i);
  return { train: subset(splits.train, indices), test: splits.test };
}
