// Reading a model or its weights.

import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { describeValue, GmrError } from "@gmr-conv/core";
import { readWeights, type StoredTensor, withoutPrefix } from "@gmr-conv/io";
import { readFileBytes, readLayersModel } from "@gmr-conv/io/node";
import type { Defaults } from "@gmr-conv/models";
import { registerGroupLayers } from "@gmr-conv/models/groups";
import { formatAssumed, type OfficialNetwork, readOfficialNetwork } from "@gmr-conv/models/official";
import type { ModelName } from "@gmr-conv/models/registry";
import { restoreNetwork } from "@gmr-conv/models/stored";
import { loadTrained } from "@gmr-conv/training";
import type * as tf from "@tensorflow/tfjs";
import { makeNetwork } from "../config/resolve.ts";
import { isRecord } from "../isRecord.ts";
import { RunFolder } from "../runs/runFolder.ts";

export interface ModelSource {
  architecture?: ModelName;
  /** The architecture's options as JSON. */
  options?: string;
  /** Whose defaults to use for options that the weights do not determine. */
  defaults: Defaults;
  /** Where the weights are in a checkpoint. */
  at?: string;
  /** Which network of a run. */
  network?: string;
}

/**
 * The tensors of a weights file; undefined for the folders of models and runs, and `model.json`.
 * @throws GmrError `io`, `invalid-data`, `unsupported`
 */
export async function readTensors(
  input: string,
  at?: string,
): Promise<Map<string, StoredTensor> | undefined> {
  if ((existsSync(input) && statSync(input).isDirectory()) || /\.json$/i.test(input)) return undefined;
  const { tensors, prefix, opaque } = await weightsIn(input, at);
  if (opaque.size > 0) console.error(`${input}: left out ${listed(opaque)}, which are not tensors`);
  if (prefix !== "") console.error(`${input}: removed the prefix ${describeValue(prefix)} of all names`);
  return tensors;
}

const SOURCES =
  "expected weights (safetensors or a PyTorch checkpoint), a TensorFlow.js model (its folder or model.json) or the " +
  "folder of a run";

async function weightsIn(input: string, at: string | undefined): Promise<ReturnType<typeof readWeights>> {
  try {
    return readWeights(await readFileBytes(input), input, { at });
  } catch (error) {
    const isOther = error instanceof GmrError && (error.code === "io" || / is neither /.test(error.message));
    if (!isOther) throw error;
    throw new GmrError(error.code, `${error.message}; ${SOURCES}`, { cause: error });
  }
}

/** Text from a file without control characters, at most a line. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, "?").slice(0, 100);

/** Names of objects with their classes. */
function listed(opaque: ReadonlyMap<string, string>): string {
  const all = [...opaque].map(([name, type]) => printable(`${name} (${type})`));
  return all.length > 5 ? `${all.slice(0, 5).join(", ")} and ${all.length - 5} more objects` : all.join(", ");
}

/** The model of an input, with its weights. @throws GmrError naming what is missing */
export async function toModel(
  input: string,
  tensors: Map<string, StoredTensor> | undefined,
  source: ModelSource,
): Promise<tf.LayersModel> {
  if (tensors) return fromWeights(input, tensors, source);
  if (existsSync(path.join(input, "config.json"))) return readRun(input, source.network);
  const json = /\.json$/i.test(input) ? input : path.join(input, "model.json");
  if (!existsSync(json)) {
    const found = existsSync(input) ? "has neither model.json nor config.json" : "no such file or folder";
    throw new GmrError("io", `${input}: ${found}; ${SOURCES}`);
  }
  registerGroupLayers();
  return readLayersModel(input);
}

/**
 * A network with weights. Weights named as in an official network determine most of its options; the rest are the
 * official package's defaults, unless they are given or our defaults are requested.
 */
function fromWeights(input: string, tensors: Map<string, StoredTensor>, source: ModelSource): tf.LayersModel {
  const given = parseOptions(source.options);
  const official = source.defaults === "ours" ? undefined : readOfficial(tensors, Object.keys(given));
  if (
    official &&
    familyOf(source.architecture ?? official.network.name) === familyOf(official.network.name)
  ) {
    const { network } = official;
    const inputShape = [...new Array<null>(network.rank).fill(null), network.channels];
    // A given name determines the blocks.
    const own = source.architecture === undefined ? {} : { block: undefined, depths: undefined };
    const options = { ...network.options, ...own, inputShape, ...given };
    const assumed = formatAssumed(network.assumed);
    if (assumed !== "") {
      console.error(
        `${input}: assumed as in the official package, since weights do not show it: ${assumed} ` +
          "(change with --options or --defaults ours)",
      );
    }
    return restoreNetwork({ name: source.architecture ?? network.name, options }, official.tensors);
  }
  if (source.architecture === undefined || source.options === undefined) {
    throw new GmrError(
      "invalid-argument",
      "weights alone do not determine the network: give --architecture and --options",
    );
  }
  return restoreNetwork({ name: source.architecture, options: given }, tensors);
}

/** The official network that weights belong to, after removing a common prefix of their names if necessary. */
function readOfficial(
  tensors: Map<string, StoredTensor>,
  given: readonly string[],
): { network: OfficialNetwork; tensors: Map<string, StoredTensor> } | undefined {
  for (const { tensors: named, prefix } of [{ tensors, prefix: "" }, withoutPrefix(tensors)]) {
    const network = readOfficialNetwork(named, given);
    if (!network) continue;
    if (prefix !== "") console.error(`removed the prefix ${describeValue(prefix)} of all names`);
    return { network, tensors: named };
  }
  return undefined;
}

/** `gmr-resnet18` and `gmr-resnet50` are one family. */
const familyOf = (name: string): string => name.replace(/\d+$/, "");

function parseOptions(options: string | undefined): Record<string, unknown> {
  if (options === undefined) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(options);
  } catch {
    throw new GmrError("invalid-argument", `--options must be JSON, got ${describeValue(options)}`);
  }
  if (isRecord(parsed)) return parsed;
  throw new GmrError("invalid-argument", `--options must be a JSON object, got ${describeValue(options)}`);
}

async function readRun(folder: string, name: string | undefined): Promise<tf.LayersModel> {
  const run = RunFolder.at(folder);
  const { config, network } = await run.network(name);
  const model = makeNetwork(network, config.data);
  await loadTrained(run.storage, network.name, model, network.train.select);
  return model;
}
