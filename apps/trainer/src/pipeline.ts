// The steps that commands consist of: training, evaluation, report.

import os from "node:os";
import { atATime, candidates, threadsSetting } from "./backend.ts";
import type { EvaluationConfig, NetworkConfig, RunConfig } from "./config/schema.ts";
import { describeEnvironment } from "./environment.ts";
import { runTasks } from "./parallel.ts";
import { renderReport } from "./report/report.ts";
import { reportSummary } from "./report/reportSummary.ts";
import { renderAngleTable } from "./report/table.ts";
import type { RotationReport } from "./report/types.ts";
import type { RunFolder } from "./runs/runFolder.ts";
import type { Outcome, Task } from "./tasks.ts";

/** A run: its folder and its settings. */
export interface Run {
  folder: RunFolder;
  config: RunConfig;
}

/** Trains all networks of a run side by side, from their checkpoints if there are any. */
export async function train(run: Run): Promise<Outcome[]> {
  return runTasks(run.config.networks.map((network) => ({ ...taskOf(run, network), train: true })));
}

interface EvaluateOptions {
  evaluation: EvaluationConfig;
  /** The shell command that repeats the training, as far as it is known. */
  trainingCommand?: string | undefined;
  /** The shell command that repeats the evaluation, or both. */
  reportCommand: string;
  /** Train first. */
  trainFirst?: boolean | undefined;
}

/** Evaluates every network of a run. @returns the report's data */
export async function evaluateRun(
  run: Run,
  { evaluation, trainingCommand, reportCommand, trainFirst = false }: EvaluateOptions,
): Promise<RotationReport> {
  const tasks = run.config.networks.map(
    (network): Task => ({ ...taskOf(run, network), train: trainFirst, evaluate: evaluation }),
  );
  const outcomes = await runTasks(tasks);
  const [first] = outcomes;
  return {
    title: run.config.title,
    createdAt: new Date().toISOString(),
    command: trainFirst || !trainingCommand ? reportCommand : `${trainingCommand} && ${reportCommand}`,
    ...(trainingCommand && { trainingCommand }),
    reportCommand,
    score: first.score,
    dataset: first.dataset,
    environment: describeEnvironment(
      [...new Set(outcomes.map(({ backend }) => backend))].join(", "),
      Math.max(...outcomes.map(({ threads }) => threads)),
    ),
    config: { ...run.config },
    networks: outcomes.flatMap(({ report }) => report ?? []),
    classNames: first.classNames,
  };
}

function taskOf(
  { folder, config }: Run,
  network: NetworkConfig,
): Pick<Task, "folder" | "config" | "network" | "backends" | "threads"> {
  const [backends, threads] = [candidates(config.backend), threadsFor(config)];
  return { folder: folder.folder, config, network, backends, threads };
}

/** Threads per network: those that run side by side share the processors. */
function threadsFor(config: RunConfig): number {
  const all = threadsSetting() ?? os.availableParallelism();
  return Math.max(1, Math.floor(all / atATime(candidates(config.backend), config.networks.length)));
}

/** Writes the report of a run and prints its table and its path, or its figures as JSON. */
export function publishReport({ folder }: Pick<Run, "folder">, report: RotationReport, json: boolean): void {
  folder.write("report.json", `${JSON.stringify(report)}\n`);
  folder.write("report.html", renderReport(report));
  if (!json) console.log();
  printReport(report, folder.file("report.html"), json);
}

/** Prints the table of a report and the path of its page, or its figures as JSON. */
export function printReport(report: RotationReport, page: string, json: boolean): void {
  if (json) console.log(JSON.stringify(reportSummary(report, page)));
  else console.log(`${renderAngleTable(report)}\n\nReport: ${page}`);
}
