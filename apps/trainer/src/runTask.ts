import { evenSubset, type ImageSet, subset } from "@gmr-conv/data";
import { loadMnist, type MnistSplits } from "@gmr-conv/data/node";
import { resNet } from "@gmr-conv/models";
import { useBackend } from "./backend.ts";
import { evaluateNetwork } from "./evaluation/evaluate.ts";
import { describeNetwork } from "./evaluation/networkReport.ts";
import { requireCheckpoint } from "./runs/checkpoint.ts";
import { RunFolder } from "./runs/runFolder.ts";
import type { EvaluateTask, Monitor, Task, TaskResult } from "./tasks.ts";
import type { TrainConfig } from "./training/config.ts";
import { trainNetwork } from "./training/train.ts";

/** Does a task on this thread. @throws GmrError, with code `interrupted` if the monitor asks to stop */
export async function runTask(task: Task, monitor: Monitor): Promise<TaskResult> {
  await useBackend(task.config.backend);
  const data = await loadData(task.config);
  const run = RunFolder.at(task.folder);
  const model = resNet(task.network.model);
  try {
    if (task.kind === "evaluate") return await evaluateTask(task, run, model, data.test, monitor);
    await trainNetwork(run, task.network, model, data.train, task.config, monitor);
    return {};
  } finally {
    model.dispose();
  }
}

async function evaluateTask(
  task: EvaluateTask,
  run: RunFolder,
  model: ReturnType<typeof resNet>,
  test: ImageSet,
  monitor: Monitor,
): Promise<TaskResult> {
  const { network, config, options } = task;
  await requireCheckpoint(run, network.name, model);
  const limited =
    options.testLimit === undefined ? test : evenSubset(test, Math.min(options.testLimit, test.count));
  const evaluation = await evaluateNetwork(network.label, model, limited, options, monitor);
  const report = await describeNetwork(
    network,
    model,
    config,
    await run.readMetrics(network.name),
    evaluation,
  );
  return {
    report,
    evaluation: { turnedImages: evaluation.turnedImages, uprightImages: evaluation.uprightImages },
  };
}

/** The images of a run. */
export async function loadData(config: TrainConfig): Promise<MnistSplits> {
  const splits = await loadMnist(config.dataFolder === undefined ? {} : { folder: config.dataFolder });
  if (config.limit === undefined) return splits;
  const count = Math.min(config.limit, splits.train.count);
  return {
    train: subset(
      splits.train,
      Int32Array.from({ length: count }, (_, i) => i),
    ),
    test: splits.test,
  };
}
