// What the commands are made of: training, evaluation, report.

import os from "node:os";
import { atATime, candidates, threadsSetting } from "./backend.ts";
import { describeEnvironment } from "./environment.ts";
import type { EvaluationOptions } from "./evaluation/evaluate.ts";
import { runTasks } from "./parallel.ts";
import { renderReport } from "./report/report.ts";
import { renderAngleTable } from "./report/table.ts";
import type { RotationReport } from "./report/types.ts";
import type { RunFolder } from "./runs/runFolder.ts";
import type { Task } from "./tasks.ts";
import type { NetworkConfig, TrainConfig } from "./training/config.ts";

/** Trains every network of a run, side by side, from their checkpoints where there are some. */
export async function train(run: RunFolder, config: TrainConfig): Promise<void> {
  await runTasks(config.networks.map((network) => ({ ...taskOf(run, config, network), train: true })));
}

/**
 * Evaluates every network of a run, after training it first if `trainFirst`.
 * @param command what reproduces the run, for the report
 * @returns the report's data
 */
export async function evaluate(
  run: RunFolder,
  config: TrainConfig,
  options: EvaluationOptions,
  command: string,
  trainFirst = false,
): Promise<RotationReport> {
  const tasks = config.networks.map(
    (network): Task => ({
      ...taskOf(run, config, network),
      train: trainFirst,
      evaluate: options,
    }),
  );
  const results = (await runTasks(tasks)).filter((result) => result !== undefined);
  const [first] = results;
  return {
    title: config.title,
    createdAt: new Date().toISOString(),
    command,
    dataset: first.dataset,
    environment: describeEnvironment(
      [...new Set(results.map(({ backend }) => backend))].join(", "),
      Math.max(...results.map(({ threads }) => threads)),
    ),
    config: { ...config },
    networks: results.map((result) => result.report),
    classNames: first.classNames,
  };
}

function taskOf(
  run: RunFolder,
  config: TrainConfig,
  network: NetworkConfig,
): Pick<Task, "folder" | "config" | "network" | "backends" | "threads"> {
  const [backends, threads] = [candidates(config.backend), threadsFor(config)];
  return { folder: run.folder, config, network, backends, threads };
}

/** Threads for each network: those that run side by side share the processors. */
function threadsFor(config: TrainConfig): number {
  const all = threadsSetting() ?? os.availableParallelism();
  return Math.max(1, Math.floor(all / atATime(candidates(config.backend), config.networks.length)));
}

/** Writes the report of a run and prints its table and its path. */
export function publish(run: RunFolder, report: RotationReport): void {
  run.write("report.json", `${JSON.stringify(report)}\n`);
  run.write("report.html", renderReport(report));
  console.log(`\n${renderAngleTable(report)}\n\nReport: ${run.file("report.html")}`);
}
