import { mkdirSync } from "node:fs";
import path from "node:path";
import { GmrError, summarizeAngles } from "@gmr-conv/core";
import { writeSafetensors } from "@gmr-conv/io";
import { stateDictOf } from "@gmr-conv/io/layers";
import { writeFileAtomically } from "@gmr-conv/io/node";
import { MODEL_NAMES, type ModelCard, resNet } from "@gmr-conv/models";
import type { Command } from "commander";
import { useBackend } from "../backend.ts";
import { requireCheckpoint } from "../runs/checkpoint.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { checkFileName, parseJson, reportSchema } from "../runs/schemas.ts";

interface PublishOptions {
  runs: string;
  network: string;
  description: string;
  command: string;
  licence: string;
  output: string;
}

export function addPublish(program: Command): void {
  program
    .command("publish")
    .description(
      "Write the weights of an evaluated run with a card: OUTPUT/NAME.safetensors and OUTPUT/NAME.json.",
    )
    .argument("<run>", "name of the run")
    .argument("<name>", "name of the network from now on")
    .option("--runs <folder>", "folder of all runs", "runs")
    .option("--network <name>", "which network of the run", "gmr")
    .option("--description <text>", "what it is, in a line", "")
    .requiredOption("--command <text>", "the command that trained it")
    .option("--licence <name>", "of the weights", "MIT")
    .option("--output <folder>", "where to write", "weights")
    .action(async (runName: string, name: string, options: PublishOptions) => {
      const run = RunFolder.named(options.runs, runName);
      checkFileName("network name", name);
      const config = await run.readConfig();
      const network = config.networks.find((entry) => entry.name === options.network);
      if (!network) {
        const known = config.networks.map((entry) => entry.name).join(", ");
        throw new GmrError(
          "invalid-argument",
          `run ${runName} has no network ${JSON.stringify(options.network)}, expected one of ${known}`,
        );
      }
      const bytes = await run.read("report.json");
      if (!bytes)
        throw new GmrError("io", `${run.file("report.json")} does not exist: evaluate the run first`);
      const report = parseJson(bytes, run.file("report.json"), reportSchema);
      const evaluated = report.networks.find((entry) => entry.name === network.name);
      if (!evaluated)
        throw new GmrError("invalid-data", `the report of ${runName} lacks network ${network.name}`);

      await useBackend("wasm", { threads: 1 });
      const model = resNet(network.model);
      const weights = await requireCheckpoint(run, network.name, model);
      if (evaluated.weights !== weights) {
        throw new GmrError(
          "invalid-data",
          `${run.file("report.json")} tells of other weights of network ${network.name} than its checkpoint holds: ` +
            "evaluate the run again",
        );
      }
      const angles = summarizeAngles(evaluated.angles);
      const { kind = "gmr", seed: _, ...rest } = network.model;
      const card: ModelCard = {
        name,
        description: options.description,
        model: {
          name: MODEL_NAMES.find((known) => known === `${kind}-resnet18`)!,
          options: { ...rest, name },
        },
        parameters: evaluated.parameters,
        weights,
        data: {
          name: report.dataset.name.replace(/ (test|train)$/, ""),
          source: "Y. LeCun, C. Cortes, C. J. C. Burges, http://yann.lecun.com/exdb/mnist/",
          licence: "CC BY-SA 3.0",
          train: report.dataset.train,
          test: report.dataset.test,
        },
        command: `${options.command} && ${report.command}`,
        input: "28×28 grey images, 0 for the background to 1 for ink",
        classNames: report.classNames,
        accuracy: {
          upright: evaluated.upright.accuracy,
          mean: angles.mean,
          worst: angles.worst,
          worstAngle: angles.worstAngle,
          mirrored: evaluated.flips ? [evaluated.flips.horizontal, evaluated.flips.vertical] : [],
          angles: evaluated.angles.map(({ angle, accuracy }) => [angle, accuracy]),
        },
        licence: options.licence,
      };
      mkdirSync(options.output, { recursive: true });
      const file = path.join(options.output, name);
      writeFileAtomically(
        `${file}.safetensors`,
        writeSafetensors(await stateDictOf(model), { format: "pt" }),
      );
      writeFileAtomically(`${file}.json`, `${JSON.stringify(card, undefined, 2)}\n`);
      console.log(`${file}.safetensors and ${file}.json written`);
    });
}
