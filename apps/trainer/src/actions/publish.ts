import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { summarizeAngles } from "@gmr-conv/core/equivariance";
import { writeSafetensors } from "@gmr-conv/io";
import { stateDictOf } from "@gmr-conv/io/layers";
import { writeFileAtomically } from "@gmr-conv/io/node";
import type { ModelCard } from "@gmr-conv/models";
import { loadTrained } from "@gmr-conv/training";
import type { z } from "zod";
import { useBackend } from "../backend.ts";
import { makeNetwork, modelOptions } from "../config/resolve.ts";
import type { NetworkConfig, RunConfig } from "../config/schema.ts";
import { makeOutputFolder } from "../outputs.ts";
import { RunFolder } from "../runs/runFolder.ts";
import { checkFileName, parseJson, reportSchema } from "../runs/schemas.ts";

interface PublishOptions {
  runs: string;
  network?: string;
  description: string;
  command?: string;
  licence: string;
  output: string;
}

export async function publish(runName: string, name: string, options: PublishOptions): Promise<void> {
  const run = RunFolder.named(options.runs, runName);
  checkFileName("network name", name);
  const { config, network } = await run.network(options.network);
  const report = await readReport(run);
  const evaluated = report.networks.find((entry) => entry.name === network.name);
  if (!evaluated)
    throw new GmrError("invalid-data", `the report of ${runName} lacks network ${network.name}`);
  await useBackend("wasm", { threads: 1 });
  const model = makeNetwork(network, config.data);
  const { digest } = await loadTrained(run.storage, network.name, model, network.train.select);
  if (evaluated.weights !== digest) {
    throw new GmrError(
      "invalid-data",
      `${run.file("report.json")} is about other weights of network ${network.name} than its checkpoint has: ` +
        "evaluate the run again",
    );
  }
  const card = cardOf(name, digest, options, { config, network, report, evaluated });
  makeOutputFolder(options.output);
  const file = path.join(options.output, name);
  writeFileAtomically(`${file}.safetensors`, writeSafetensors(await stateDictOf(model), { format: "pt" }));
  writeFileAtomically(`${file}.json`, `${JSON.stringify(card, undefined, 2)}\n`);
  console.log(`${file}.safetensors and ${file}.json written`);
}

type StoredReport = z.output<typeof reportSchema>;

async function readReport(run: RunFolder): Promise<StoredReport> {
  const bytes = await run.read("report.json");
  if (!bytes) throw new GmrError("io", `${run.file("report.json")} does not exist: evaluate the run first`);
  return parseJson(bytes, run.file("report.json"), reportSchema);
}

interface Published {
  config: RunConfig;
  network: NetworkConfig;
  report: StoredReport;
  evaluated: StoredReport["networks"][number];
}

function cardOf(
  name: string,
  weights: string,
  options: PublishOptions,
  { config, network, report, evaluated }: Published,
): ModelCard {
  const source = config.data;
  const angles = summarizeAngles(evaluated.angles.map(({ angle, score }) => ({ angle, accuracy: score })));
  const { seed: _, ...modelOf } = modelOptions(network, source);
  return {
    name,
    description: options.description,
    model: { name: network.model.name, options: { ...modelOf, name } },
    parameters: evaluated.parameters,
    weights,
    data: {
      name: source.title,
      source: source.source,
      licence: source.licence,
      train: report.dataset.train,
      test: report.dataset.test,
      turned: report.dataset.evaluated,
    },
    command: options.command ?? report.command,
    input: `${source.shape.slice(0, -1).join("×")} pixels, ${source.input}`,
    ...(network.train.normalization && { normalization: network.train.normalization }),
    classNames: report.classNames,
    accuracy: {
      upright: evaluated.upright.score,
      mean: angles.mean,
      worst: angles.worst,
      worstAngle: angles.worstAngle,
      mirrored: evaluated.flips.map(({ score }) => score),
      angles: evaluated.angles.map(({ angle, score }) => [angle, score]),
    },
    licence: options.licence,
  };
}
