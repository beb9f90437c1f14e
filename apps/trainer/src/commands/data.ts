import { GmrError } from "@gmr-conv/core";
import {
  DATASET_NAMES,
  type DatasetSpec,
  datasetCards,
  datasetEntry,
  verifyDataset,
} from "@gmr-conv/data/node";
import Table from "cli-table3";
import type { Command } from "commander";
import { z } from "zod";
import { parseOverride, setAt } from "../config/read.ts";

interface VerifyOptions {
  folder?: string;
  file?: string;
  skipDamaged?: boolean;
  set: string[];
  json: boolean;
}

export function addData(program: Command): void {
  const data = program
    .command("data")
    .description("The data sets by name: list them, say what each needs, check one.");
  data
    .command("list")
    .description("List the data sets that networks can be trained on.")
    .option("--json", "print one JSON object per data set", false)
    .action(({ json }: { json: boolean }) => {
      if (json) {
        for (const card of datasetCards()) console.log(JSON.stringify(card));
        return;
      }
      const table = new Table({
        head: ["name", "data set", "licence"],
        style: { head: [], border: [], compact: true },
      });
      for (const { name, title, licence } of datasetCards()) table.push([name, title, licence]);
      console.log(table.toString());
    });
  data
    .command("info")
    .description(
      "Say what a data set is, where to get it, under which terms, and which files and options it takes.",
    )
    .argument("<name>", DATASET_NAMES.join(", "))
    .action((name: string) => {
      const { card, options } = datasetEntry(name);
      console.log(`${card.title}\n  ${card.description}\n`);
      console.log(`From      ${card.source}\nLicence   ${card.licence}\nPixels    ${card.input}`);
      if (card.counts) {
        const counts = Object.entries(card.counts).map(
          ([part, count]) => `${part} ${count.toLocaleString("en")}`,
        );
        console.log(`Images    ${counts.join(", ")}`);
      }
      if (card.classNames) console.log(`Classes   ${card.classNames.join(", ")}`);
      console.log(`Files\n${card.layout.map((line) => `  ${line}`).join("\n")}`);
      const { properties = {} } = z.toJSONSchema(options, { io: "input" }) as {
        properties?: Record<string, { description?: string; default?: unknown }>;
      };
      console.log("Options");
      for (const [key, { description = "", default: value }] of Object.entries(properties)) {
        const text = value === undefined ? description : `${description} (default: ${JSON.stringify(value)})`;
        console.log(`  ${key.padEnd(14)} ${text}`);
      }
    });
  data
    .command("verify")
    .description("Read every image of a data set, and say what is wrong with it.")
    .argument("<name>", "of the data set")
    .option("--folder <folder>", "its folder")
    .option("--file <file>", "its file, of those that are one")
    .option("--skip-damaged", "leave out images that cannot be read, and list them")
    .option(
      "--set <key=value>",
      "any other option of the data set; may be repeated",
      (text: string, all: string[]) => [...all, text],
      [],
    )
    .option("--json", "print one JSON object", false)
    .action(async (name: string, options: VerifyOptions) => {
      const spec: DatasetSpec = { name };
      if (options.folder !== undefined) spec.folder = options.folder;
      if (options.file !== undefined) spec.file = options.file;
      if (options.skipDamaged) spec.skipDamaged = true;
      for (const { path, value } of options.set.map(parseOverride)) setAt(spec, path, value);
      const live = process.stderr.isTTY === true;
      const { loaded, counts, problems } = await verifyDataset(spec, (done, total) => {
        if (live) process.stderr.write(`\r${done} of ${total} images read`);
      });
      if (live) process.stderr.write("\n");
      if (options.json) {
        console.log(
          JSON.stringify({ title: loaded.card.title, shape: loaded.train.shape, counts, problems }),
        );
      } else {
        const shape = loaded.train.shape.join("×");
        console.log(
          `${loaded.card.title}: ${loaded.train.task} of ${shape} into ${loaded.train.classNames.length} classes`,
        );
        for (const { part, images, perClass } of counts) {
          const unit = loaded.train.task === "segmentation" ? "images with" : "";
          const list = perClass.map(
            (count, k) => `${loaded.train.classNames[k]} ${count.toLocaleString("en")}`,
          );
          console.log(
            `  ${part}: ${images.toLocaleString("en")} images, ${unit} ${list.slice(0, 20).join(", ")}${list.length > 20 ? ", …" : ""}`,
          );
        }
        for (const problem of problems.slice(0, 50)) console.log(`  problem: ${problem}`);
        if (problems.length > 50) console.log(`  … and ${problems.length - 50} more`);
      }
      if (problems.length > 0) throw new GmrError("invalid-data", `${problems.length} problem(s), see above`);
    });
}
