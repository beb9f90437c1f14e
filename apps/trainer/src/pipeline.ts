// What the commands are made of: data and networks of a run, training, evaluation, report.

import { describeValue, GmrError } from "@gmr-conv/core";
import { evenSubset, type ImageSet, subset } from "@gmr-conv/data";
import { loadMnist, type MnistSplits } from "@gmr-conv/data/node";
import { modelCost, resNet } from "@gmr-conv/models";
import type * as tf from "@tensorflow/tfjs";
import { useBackend } from "./backend.ts";
import { describeEnvironment } from "./environment.ts";
import { type Evaluation, type EvaluationOptions, evaluateNetwork } from "./evaluation/evaluate.ts";
import { learnedKernels } from "./evaluation/kernels.ts";
import { renderReport } from "./report/report.ts";
import { renderAngleTable } from "./report/table.ts";
import type { EpochPoint, NetworkReport, RotationReport } from "./report/types.ts";
import { loadCheckpoint } from "./runs/checkpoint.ts";
import type { Metric, RunFolder } from "./runs/runFolder.ts";
import type { NetworkConfig, TrainConfig } from "./training/config.ts";
import { Interrupt } from "./training/interrupt.ts";
import { trainNetwork } from "./training/train.ts";

/** Starts a run, or goes on with it: checks that the settings are those of the run's folder. */
export async function openRun(run: RunFolder, config: TrainConfig, resume: boolean): Promise<void> {
  await run.create();
  const before = await run.read("config.json");
  const text = `${JSON.stringify(config, undefined, 2)}\n`;
  if (resume) {
    if (!before) throw new GmrError("io", `nothing to resume: ${run.file("config.json")} does not exist`);
    if (new TextDecoder().decode(before) !== text) {
      throw new GmrError(
        "invalid-argument",
        `${run.folder} was started with other settings; repeat the command with those, or give another --name`,
      );
    }
    return;
  }
  for (const { name } of config.networks) run.remove(`${name}.checkpoint.safetensors`);
  run.write("metrics.jsonl", "");
  run.write("config.json", text);
}

async function loadData(config: TrainConfig): Promise<MnistSplits> {
  const splits = await loadMnist(config.dataFolder === undefined ? {} : { folder: config.dataFolder });
  if (config.limit === undefined) return splits;
  const limited = (set: ImageSet, count: number): ImageSet =>
    subset(
      set,
      Int32Array.from({ length: Math.min(count, set.count) }, (_, i) => i),
    );
  return { train: limited(splits.train, config.limit), test: splits.test };
}

/** Trains every network of a run, from their checkpoints where there are some. */
export async function train(run: RunFolder, config: TrainConfig): Promise<void> {
  await useBackend(config.backend);
  const { train: set } = await loadData(config);
  const interrupt = new Interrupt();
  try {
    for (const network of config.networks) {
      const model = resNet(network.model);
      try {
        await trainNetwork(run, network, model, set, config, interrupt);
      } finally {
        model.dispose();
      }
    }
  } finally {
    interrupt.dispose();
  }
}

/**
 * Evaluates every network of a run and writes the report.
 * @param command what reproduces the run, for the report
 * @returns the report's data
 */
export async function evaluate(
  run: RunFolder,
  config: TrainConfig,
  options: EvaluationOptions & { limit?: number | undefined },
  command: string,
): Promise<RotationReport> {
  await useBackend(config.backend);
  const { train: trainSet, test: fullTest } = await loadData(config);
  const test =
    options.limit === undefined ? fullTest : evenSubset(fullTest, Math.min(options.limit, fullTest.count));
  const interrupt = new Interrupt();
  const networks: NetworkReport[] = [];
  let turnedImages = 0;
  try {
    for (const network of config.networks) {
      const model = resNet(network.model);
      try {
        const position = await loadCheckpoint(run, network.name, model);
        if (!position) {
          throw new GmrError(
            "io",
            `network ${describeValue(network.name)} has no checkpoint in ${run.folder}: train it first`,
          );
        }
        const evaluation = await evaluateNetwork(network.label, model, test, options, interrupt);
        turnedImages = evaluation.turnedImages;
        const metrics = await run.readMetrics(network.name);
        networks.push(await describeNetwork(network, model, config, metrics, evaluation));
      } finally {
        model.dispose();
      }
    }
  } finally {
    interrupt.dispose();
  }
  return {
    title: config.title,
    createdAt: new Date().toISOString(),
    command,
    dataset: {
      name: fullTest.name,
      train: trainSet.count,
      test: test.count,
      evaluated: turnedImages,
    },
    environment: describeEnvironment(),
    config: { ...config },
    networks,
    classNames: [...test.classNames],
  };
}

/** Writes the report of a run and prints its table and its path. */
export function publish(run: RunFolder, report: RotationReport): void {
  run.write("report.json", `${JSON.stringify(report)}\n`);
  run.write("report.html", renderReport(report));
  console.log(`\n${renderAngleTable(report)}\n\nReport: ${run.file("report.html")}`);
}

async function describeNetwork(
  network: NetworkConfig,
  model: tf.LayersModel,
  config: TrainConfig,
  metrics: Metric[],
  evaluation: Evaluation,
): Promise<NetworkReport> {
  const cost = modelCost(model);
  const last = metrics.at(-1);
  const { seconds, turnedImages: _, ...accuracies } = evaluation;
  return {
    name: network.name,
    label: network.label,
    parameters: cost.parameters,
    multiplyAdds: cost.multiplyAdds,
    layers: cost.layers
      .filter((layer) => layer.parameters > 0)
      .map((l) => `${l.name} (${l.type}) → ${l.outputShape.slice(1).join("×")}: ${l.parameters} parameters`),
    history: metrics.map(({ step, epoch, loss, accuracy }) => ({ step, epoch, loss, accuracy })),
    epochs: epochsOf(metrics),
    ...(last
      ? { trainSeconds: last.seconds, imagesPerSecond: (last.step * config.batchSize) / last.seconds }
      : {}),
    evalSeconds: seconds,
    ...accuracies,
    kernels: await learnedKernels(model),
  };
}

function epochsOf(metrics: Metric[]): EpochPoint[] {
  const epochs: EpochPoint[] = [];
  let before = 0;
  for (let epoch = 0; ; epoch++) {
    const own = metrics.filter((metric) => metric.epoch === epoch);
    const last = own.at(-1);
    if (!last) return epochs;
    const mean = (pick: (m: Metric) => number): number =>
      own.reduce((sum, m) => sum + pick(m), 0) / own.length;
    epochs.push({
      epoch,
      loss: mean((m) => m.loss),
      accuracy: mean((m) => m.accuracy),
      seconds: last.seconds - before,
    });
    before = last.seconds;
  }
}
