import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { writeFileAtomically } from "@gmr-conv/io/node";
import { checkOutputFile } from "../outputs.ts";
import { printReport } from "../pipeline.ts";
import type { RotationReport } from "../report/types.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { parseJson, reportSchema } from "../runs/schemas.ts";
import { commandLine } from "./commandLine.ts";

interface CompareOptions {
  runs: string;
  output: string;
  title?: string;
  json: boolean;
}

export async function report(name: string, options: { runs: string; json: boolean }): Promise<void> {
  const run = RunFolder.named(options.runs, name);
  const { renderReport } = await import("../report/report.ts");
  const report = await readReport(run);
  run.write("report.html", renderReport(report));
  printReport(report, run.file("report.html"), options.json);
}

export async function compare(names: string[], options: CompareOptions): Promise<void> {
  checkOutputFile(options.output);
  const { renderReport } = await import("../report/report.ts");
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
