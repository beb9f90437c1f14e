import type { Command } from "commander";
import { lazy } from "./lazy.ts";
import { repeated } from "./options.ts";

export function addData(program: Command): void {
  const data = program
    .command("data")
    .summary("list, describe and check data sets")
    .description("The data sets by name: list them, describe one, check one.");
  data
    .command("list")
    .summary("list the data sets")
    .description("List the data sets that networks can be trained on.")
    .option("--json", "print one JSON object per data set", false)
    .action(lazy(async () => (await import("../actions/data.ts")).list));
  data
    .command("info")
    .summary("describe a data set")
    .description("Describe a data set: its source and licence, and the files and options it takes.")
    .argument("<name>", "of the data set (gmr data list)")
    .option("--json", "print one JSON object", false)
    .action(lazy(async () => (await import("../actions/data.ts")).info));
  data
    .command("verify")
    .summary("read every image and report problems")
    .description("Read every image of a data set and report problems.")
    .argument("<name>", "of the data set")
    .option("--folder <folder>", "its folder")
    .option("--file <file>", "its file, for data sets that are one file")
    .option("--skip-damaged", "leave out images that cannot be read, and list them")
    .option("--set <key=value>", "any other option of the data set; may be repeated", repeated, [])
    .option("--json", "print one JSON object", false)
    .action(lazy(async () => (await import("../actions/data.ts")).verify));
}
