// Does a task on the current thread: trains a network, evaluates it, or both.

import { GmrError } from "@gmr-conv/core";
import { cached, type LoadedDataset, pickEvenly } from "@gmr-conv/data";
import { loadDataset } from "@gmr-conv/data/node";
import { type Communicator, singleProcess } from "@gmr-conv/distributed";
import { evaluate, loadTrained, sharedStorage, train } from "@gmr-conv/training";
import type * as tf from "@tensorflow/tfjs";
import { activeThreads, type BackendName, formatSelection, useBackend } from "./backend.ts";
import { batchesAhead } from "./batches/ahead.ts";
import { limited, makeNetwork } from "./config/resolve.ts";
import type { EvaluationConfig } from "./config/schema.ts";
import { describeNetwork } from "./report/networkReport.ts";
import { readMetrics } from "./runs/metrics.ts";
import { RunFolder } from "./runs/runFolder.ts";
import { TrainingLog } from "./runs/trainingLog.ts";
import type { Monitor, Outcome, Task } from "./tasks.ts";

/**
 * Does a task on this thread.
 * @param communicator of the processes that do it together; default: this one alone
 * @throws GmrError `interrupted` if the monitor asks to stop; `device-lost` if the GPU went away: run again in
 *   another thread on another backend, the task continues from its last checkpoint
 */
export async function runTask(
  task: Task,
  monitor: Monitor,
  communicator: Communicator = singleProcess(),
): Promise<Outcome> {
  const { threads } = task;
  let onDeviceLost: ((reason: string) => void) | undefined;
  const lost = new Promise<never>((_, reject) => {
    onDeviceLost = (reason) => reject(new GmrError("device-lost", `the WebGPU device was lost (${reason})`));
  });
  lost.catch(() => {}); // Handled below, unless the task has ended by then.
  const selection = await useBackend(task.backends, { threads, onDeviceLost });
  if (selection.skipped.length > 0) monitor.note(formatSelection(selection));
  return Promise.race([new NetworkTask(selection.backend, task, monitor, communicator).run(), lost]);
}

/** The task of one network. */
class NetworkTask {
  private readonly backend: BackendName;
  private readonly task: Task;
  private readonly monitor: Monitor;
  private readonly folder: RunFolder;
  private readonly communicator: Communicator;

  constructor(backend: BackendName, task: Task, monitor: Monitor, communicator: Communicator) {
    this.backend = backend;
    this.task = task;
    this.monitor = monitor;
    this.folder = RunFolder.at(task.folder);
    this.communicator = communicator;
  }

  async run(): Promise<Outcome> {
    const { config, network, evaluate: options } = this.task;
    const data = await loadDataset(config.dataset);
    const model = makeNetwork(network, config.data);
    const outcome: Outcome = {
      backend: this.backend,
      threads: activeThreads(),
      ...(this.communicator.size > 1 && { processes: this.communicator.size }),
      score: data.train.task === "segmentation" ? "Dice" : "accuracy",
      dataset: {
        name: data.card.title,
        train: limited(data.train, config.limit).count,
        validation: data.validation?.count ?? 0,
        test: data.test.count,
        evaluated: 0,
      },
      classNames: [...data.train.classNames],
    };
    try {
      if (this.task.train) outcome.validation = await this.train(model, data);
      if (options) await this.evaluate(model, data, options, outcome);
      return outcome;
    } finally {
      model.dispose();
    }
  }

  private async train(model: tf.LayersModel, data: LoadedDataset): Promise<number | undefined> {
    const { config, network } = this.task;
    const { monitor, communicator } = this;
    const log = new TrainingLog(network, model, this.folder, monitor);
    const images = limited(data.train, config.limit);
    const validation = data.validation && cached(data.validation, config.cacheMegabytes * 2 ** 20);
    const result = await train({
      model,
      train: images,
      validation,
      settings: network.train,
      storage: this.folder.storage,
      name: network.name,
      batches: (step) => batchesAhead(config, network, step, communicator),
      communicator,
      onEvent: (event) => (communicator.rank === 0 ? log.hear(event) : undefined),
      signal: {
        get aborted() {
          return monitor.stopRequested;
        },
      },
    });
    return (
      result.validation && ("dice" in result.validation ? result.validation.dice : result.validation.accuracy)
    );
  }

  private async evaluate(
    model: tf.LayersModel,
    data: LoadedDataset,
    options: EvaluationConfig,
    outcome: Outcome,
  ): Promise<void> {
    const { config, network } = this.task;
    const { monitor, communicator } = this;
    const storage = sharedStorage(communicator, this.folder.storage);
    const { digest } = await loadTrained(storage, network.name, model, network.train.select, (text) =>
      monitor.note(text),
    );
    const { testLimit, ...evaluated } = options;
    const test = pickEvenly(data.test, Math.min(testLimit ?? data.test.count, data.test.count));
    const settings = {
      ...evaluated,
      normalization: network.train.normalization,
      size: network.train.augment?.size,
    };
    let started = false;
    const evaluation = await evaluate(model, cached(test, config.cacheMegabytes * 2 ** 20), {
      ...settings,
      communicator,
      onProgress(done, total, view, score) {
        if (!started) monitor.start(`Evaluating ${network.label}`, total, 0);
        started = true;
        monitor.update(done, { view, [outcome.score]: `${(100 * score).toFixed(1)} %` });
      },
      signal: {
        get aborted() {
          // Ranks do not agree on when to stop here, and nothing is lost: the others must not wait for this one.
          if (monitor.stopRequested && communicator.size > 1) communicator.abort("gmr: evaluation stopped");
          return monitor.stopRequested;
        },
      },
    });
    if (communicator.rank !== 0) return;
    const metrics = await readMetrics(this.folder, network.name);
    outcome.report = {
      ...(await describeNetwork({ network, model, metrics, evaluation, test, options: settings })),
      weights: digest,
    };
    outcome.dataset = {
      ...outcome.dataset,
      test: evaluation.uprightImages,
      evaluated: evaluation.turnedImages,
    };
  }
}
