// Where a model or its weights come from.

import { existsSync } from "node:fs";
import path from "node:path";
import { describeValue, GmrError } from "@gmr-conv/core";
import { readSafetensors, readTorch, type StoredTensor } from "@gmr-conv/io";
import { loadStateDict } from "@gmr-conv/io/layers";
import { readFileBytes, readLayersModel } from "@gmr-conv/io/node";
import {
  createModel,
  type ModelName,
  registerFieldOfView,
  registerGroupConv,
  registerHalvingsCheck,
  registerMatchSize,
  resNet,
} from "@gmr-conv/models";
import { registerLayers } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { requireCheckpoint } from "../runs/checkpoint.ts";
import { RunFolder } from "../runs/runFolder.ts";

export interface ModelSource {
  architecture?: ModelName;
  /** The architecture's options in JSON. */
  options?: string;
  /** Where the weights lie in a checkpoint. */
  at?: string;
  /** Which network of a run. */
  network?: string;
}

/** The tensors of a weights file; undefined for anything else. @throws GmrError `io`, `invalid-data`, `unsupported` */
export async function readTensors(
  input: string,
  at?: string,
): Promise<Map<string, StoredTensor> | undefined> {
  if (/\.safetensors$/i.test(input)) return readSafetensors(await readFileBytes(input), input).tensors;
  if (/\.(pth|pt)$/i.test(input)) {
    const { tensors, opaque } = readTorch(await readFileBytes(input), input, { at });
    if (opaque.size > 0) console.error(`${input}: left out ${listed(opaque)}, which are no tensors`);
    return tensors;
  }
  return undefined;
}

/** Names with the classes of what they name. */
function listed(opaque: ReadonlyMap<string, string>): string {
  const all = [...opaque].map(([name, type]) => `${name} (${type})`);
  return all.length > 5 ? `${all.slice(0, 5).join(", ")} and ${all.length - 5} more objects` : all.join(", ");
}

/** The model of an input, with its weights. @throws GmrError naming what is missing */
export async function toModel(
  input: string,
  tensors: Map<string, StoredTensor> | undefined,
  source: ModelSource,
): Promise<tf.LayersModel> {
  if (tensors) {
    const model = buildArchitecture(source);
    loadStateDict(model, tensors);
    return model;
  }
  if (existsSync(path.join(input, "config.json"))) return readRun(input, source.network);
  registerLayers();
  registerFieldOfView();
  registerMatchSize();
  registerGroupConv();
  registerHalvingsCheck();
  return readLayersModel(input);
}

function buildArchitecture({ architecture, options }: ModelSource): tf.LayersModel {
  if (architecture === undefined || options === undefined) {
    throw new GmrError(
      "invalid-argument",
      "a file of weights alone does not tell the network: give --architecture and --options",
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(options);
  } catch {
    throw new GmrError("invalid-argument", `--options must be JSON, got ${describeValue(options)}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new GmrError("invalid-argument", `--options must be a JSON object, got ${describeValue(options)}`);
  }
  return createModel(architecture, parsed as Parameters<typeof createModel>[1]);
}

async function readRun(folder: string, name: string | undefined): Promise<tf.LayersModel> {
  const run = RunFolder.at(folder);
  const { networks } = await run.readConfig();
  const network = name === undefined ? networks[0] : networks.find((entry) => entry.name === name);
  if (!network) {
    const known = networks.map((entry) => entry.name).join(", ");
    throw new GmrError(
      "invalid-argument",
      `${folder} has no network ${describeValue(name)}, expected one of ${known}`,
    );
  }
  const model = resNet(network.model);
  await requireCheckpoint(run, network.name, model);
  return model;
}
