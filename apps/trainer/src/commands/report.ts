import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { writeFileAtomically } from "@gmr-conv/io/node";
import type { Command } from "commander";
import { checkOutputFile } from "../outputs.ts";
import { printReport } from "../pipeline.ts";
import { renderReport } from "../report/report.ts";
import type { RotationReport } from "../report/types.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { parseJson, reportSchema } from "../runs/schemas.ts";
import { commandLine } from "./commandLine.ts";
import { JSON_REPORT } from "./options.ts";

interface CompareOptions {
  runs: string;
  output: string;
  title?: string;
  json: boolean;
}

export function addReport(program: Command): void {
  program
    .command("report")
    .summary("write the report of a run again")
    .description("Write the report of an evaluated run again and print its table.")
    .argument("<run>", "name of the run")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--json", JSON_REPORT, false)
    .action(async (name: string, options: { runs: string; json: boolean }) => {
      const run = RunFolder.named(options.runs, name);
      const report = await readReport(run);
      run.write("report.html", renderReport(report));
      printReport(report, run.file("report.html"), options.json);
    });
  program
    .command("compare")
    .summary("one report of several runs")
    .description("Write one report of the networks of several evaluated runs side by side.")
    .argument("<runs...>", "names of runs; RUN/NETWORK takes one network of a run")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--output <file>", "the page", "compare.html")
    .option("--title <text>", "of the page")
    .option("--json", JSON_REPORT, false)
    .action(async (names: string[], options: CompareOptions) => {
      checkOutputFile(options.output);
      const reports = await Promise.all(
        names.map(async (name) => {
          const [run, network] = name.split("/");
          const report = await readReport(RunFolder.named(options.runs, run));
          const networks = report.networks.filter((entry) => network === undefined || entry.name === network);
          if (networks.length === 0) {
            const known = report.networks.map((entry) => entry.name).join(", ");
            throw new GmrError(
              "invalid-argument",
              `run ${run} has no network ${JSON.stringify(network)}, expected one of ${known}`,
            );
          }
          return { run, report: { ...report, networks } };
        }),
      );
      const merged = mergeReports(reports, options.title);
      writeFileAtomically(options.output, renderReport(merged));
      printReport(merged, path.resolve(options.output), options.json);
    });
}

async function readReport(run: RunFolder): Promise<RotationReport> {
  const bytes = await run.read("report.json");
  if (!bytes) await run.readConfig();
  if (!bytes) throw new GmrError("io", `${run.file("report.json")} does not exist: evaluate the run first`);
  parseJson(bytes, run.file("report.json"), reportSchema);
  return JSON.parse(new TextDecoder().decode(bytes)) as RotationReport;
}

/** Merges reports into one. @throws GmrError `invalid-argument` for runs with different classes or tasks */
function mergeReports(
  reports: readonly { run: string; report: RotationReport }[],
  title: string | undefined,
): RotationReport {
  const [first, ...others] = reports;
  for (const { run, report } of others) {
    if (
      report.classNames.join("\0") !== first.report.classNames.join("\0") ||
      report.score !== first.report.score
    ) {
      throw new GmrError(
        "invalid-argument",
        `run ${run} has other classes than ${first.run}: they cannot be compared`,
      );
    }
  }
  const networks = reports.flatMap(({ run, report }) =>
    report.networks.map((network) => ({
      ...network,
      name: `${run}/${network.name}`,
      label: `${run}: ${network.label}`,
    })),
  );
  return {
    ...first.report,
    title: title ?? `${reports.map(({ run }) => run).join(", ")} side by side`,
    createdAt: new Date().toISOString(),
    command: reports.map(({ report }) => report.command).join("\n"),
    trainingCommand: reports.map(({ report }) => report.trainingCommand ?? report.command).join("\n"),
    reportCommand: commandLine(),
    config: Object.fromEntries(reports.map(({ run, report }) => [run, report.config])),
    networks,
  };
}
