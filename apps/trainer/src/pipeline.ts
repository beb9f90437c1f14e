// The steps that commands consist of: training, evaluation, report.

import { rmSync } from "node:fs";
import os from "node:os";
import type { Communicator } from "@gmr-conv/distributed";
import { atATime, candidates, threadsSetting } from "./backend.ts";
import type { EvaluationConfig, NetworkConfig, RunConfig } from "./config/schema.ts";
import { describeEnvironment } from "./environment.ts";
import { runTasks } from "./parallel.ts";
import { whyNoCharts } from "./report/charts.ts";
import { reportSummary } from "./report/reportSummary.ts";
import { renderAngleTable } from "./report/table.ts";
import type { RotationReport } from "./report/types.ts";
import type { RunFolder } from "./runs/runFolder.ts";
import type { Outcome, Task } from "./tasks.ts";

/** A run: its folder and its settings. */
export interface Run {
  folder: RunFolder;
  config: RunConfig;
  /** The processes that do everything together; networks then follow each other. Default: this one alone. */
  communicator?: Communicator | undefined;
}

/** Does tasks side by side, or together with other processes. */
async function perform({ communicator }: Run, tasks: readonly Task[]): Promise<Outcome[]> {
  if (!communicator) return runTasks(tasks);
  const { runTogether } = await import("./ranks/together.ts");
  return runTogether(communicator, tasks);
}

/** Trains all networks of a run side by side, from their checkpoints if there are any. */
export async function train(run: Run): Promise<Outcome[]> {
  return perform(
    run,
    run.config.networks.map((network) => ({ ...taskOf(run, network), train: true })),
  );
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
  const outcomes = await perform(run, tasks);
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
      first.processes,
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

/** Says before long work that there will be no page, and what to install for it. */
export function warnWithoutCharts(): void {
  const reason = whyNoCharts();
  if (reason !== undefined) console.error(`gmr: report.html will not be written: ${reason}`);
}

/**
 * Writes the report of a run and prints its table and its path, or its figures as JSON. Without the package that draws
 * its charts there is no page; `gmr report` writes it later from the figures.
 */
export async function publishReport(
  { folder }: Pick<Run, "folder">,
  report: RotationReport,
  json: boolean,
): Promise<void> {
  folder.write("report.json", `${JSON.stringify(report)}\n`);
  const page = folder.file("report.html");
  const reason = whyNoCharts();
  if (reason === undefined) {
    const { renderReport } = await import("./report/report.ts");
    folder.write("report.html", renderReport(report));
  } else {
    rmSync(page, { force: true }); // that of an earlier evaluation
    console.error(`gmr: report.html is not written: ${reason}; then gmr report writes it`);
  }
  if (!json) console.log();
  printReport(report, reason === undefined ? page : undefined, json);
}

/** Prints the table of a report and the path of its page, if there is one, or its figures as JSON. */
export function printReport(report: RotationReport, page: string | undefined, json: boolean): void {
  if (json) console.log(JSON.stringify(reportSummary(report, page)));
  else console.log(`${renderAngleTable(report)}${page === undefined ? "" : `\n\nReport: ${page}`}`);
}
