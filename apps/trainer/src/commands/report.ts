import type { Command } from "commander";
import { lazy } from "./lazy.ts";
import { JSON_REPORT } from "./options.ts";

export function addReport(program: Command): void {
  program
    .command("report")
    .summary("write the report of a run again")
    .description("Write the report of an evaluated run again and print its table.")
    .argument("<run>", "name of the run")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--json", JSON_REPORT, false)
    .action(lazy(async () => (await import("../actions/report.ts")).report));
  program
    .command("compare")
    .summary("one report of several runs")
    .description("Write one report of the networks of several evaluated runs side by side.")
    .argument("<runs...>", "names of runs; RUN/NETWORK takes one network of a run")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--output <file>", "the page", "compare.html")
    .option("--title <text>", "of the page")
    .option("--json", JSON_REPORT, false)
    .action(lazy(async () => (await import("../actions/report.ts")).compare));
}
