// From what a user writes to what a run stores, with every default filled in for the data set.

import path from "node:path";
import { GmrError } from "@gmr-conv/core";
import { type Dataset, type LoadedDataset, pickEvenly } from "@gmr-conv/data";
import { checkDatasetSpec, type DatasetSpec, loadDataset } from "@gmr-conv/data/node";
import { checkModelOptions } from "@gmr-conv/models/registry";
import { createStored } from "@gmr-conv/models/stored";
import { type TrainOptions, trainSettings } from "@gmr-conv/training";
import type * as tf from "@tensorflow/tfjs";
import { defaultModel, LABELS, type NetworkKind } from "./defaults.ts";
import { checkFit } from "./fit.ts";
import type { ConfigInput, ModelSpec, NetworkConfig, RunConfig, RunData } from "./schema.ts";

/** A configuration and its data. */
export interface Resolved {
  config: RunConfig;
  data: LoadedDataset;
}

/**
 * Fills in a configuration.
 * @param networks kinds of networks to train instead of those of the configuration
 * @throws GmrError `invalid-argument` for invalid settings; `io` and `invalid-data` for the data set
 */
export async function resolveConfig(
  given: ConfigInput,
  networks?: readonly NetworkKind[],
): Promise<Resolved> {
  const asked = withAbsolutePaths(checkDatasetSpec(given.dataset));
  const data = await loadDataset(asked);
  const dataset = excludingDamaged(asked, data);
  const train = limited(data.train, given.limit);
  const sizes = given.train?.augment?.size ?? train.shape.slice(0, -1);
  const seen = { task: train.task, shape: [...sizes, train.shape[train.shape.length - 1]] };
  const wanted = networks?.map((kind) => ({
    name: kind,
    label: LABELS[kind],
    model: defaultModel(kind, seen),
    train: undefined,
  })) ??
    given.networks ?? [
      { name: "gmr", label: LABELS.gmr, model: defaultModel("gmr", seen), train: undefined },
    ];
  const config: RunConfig = {
    title: given.title ?? `${data.card.title}, read at every angle`,
    dataset,
    data: {
      title: data.card.title,
      source: data.card.source,
      licence: data.card.licence,
      input: data.card.input,
      task: train.task,
      shape: [...train.shape],
      classNames: [...train.classNames],
    },
    ...(given.limit === undefined ? {} : { limit: given.limit }),
    backend: given.backend ?? "wasm",
    loaders: given.loaders ?? 1,
    cacheMegabytes: given.cacheMegabytes ?? 512,
    networks: wanted.map(({ name, label, model, train: own }): NetworkConfig => {
      const options = mergedSettings(given.train, own);
      const settings = trainSettings(train.count, options);
      return {
        name,
        label: label ?? name,
        model: withSeed(model as ModelSpec, settings.seed),
        train: settings,
      };
    }),
    evaluation: given.evaluation ?? {},
  };
  for (const network of config.networks) checkNetwork(network, config.data);
  return { config, data };
}

/** The training images that a run uses. */
export function limited(train: Dataset, limit: number | undefined): Dataset {
  return limit === undefined ? train : pickEvenly(train, Math.min(limit, train.count));
}

/** Settings for all networks, overridden by those of one. */
function mergedSettings(all: TrainOptions = {}, own: TrainOptions = {}): TrainOptions {
  return {
    ...all,
    ...own,
    ...(all.optimizer || own.optimizer ? { optimizer: { ...all.optimizer, ...own.optimizer } } : {}),
    ...(all.augment || own.augment ? { augment: { ...all.augment, ...own.augment } } : {}),
    ...(all.loss || own.loss ? { loss: { ...all.loss, ...own.loss } } : {}),
  };
}

const withSeed = (model: ModelSpec, seed: number): ModelSpec => ({ seed: Math.abs(seed), ...model });

/** Paths are relative to the working directory, and must be found from elsewhere later. */
function withAbsolutePaths<T extends Record<string, unknown>>(spec: T): T {
  const absolute = Object.entries(spec).map(([key, value]) =>
    (key === "folder" || key === "file") && typeof value === "string"
      ? [key, path.resolve(value)]
      : [key, value],
  );
  return Object.fromEntries(absolute) as T;
}

/** Lists the damaged files, so that threads and later commands need not search for them again. */
function excludingDamaged(spec: DatasetSpec, { damaged }: LoadedDataset): DatasetSpec {
  if (spec.skipDamaged !== true) return spec;
  const root = typeof spec.folder === "string" ? spec.folder : path.dirname(String(spec.file));
  const exclude = [
    ...((spec.exclude as string[]) ?? []),
    ...damaged.map(({ file }) => path.relative(root, file)),
  ];
  return { ...spec, skipDamaged: false, ...(exclude.length > 0 ? { exclude } : {}) };
}

/** The options of a network for the images of a run. */
export function modelOptions(
  { model, train }: Pick<NetworkConfig, "model" | "train">,
  { shape, classNames }: Pick<RunData, "shape" | "classNames">,
): Record<string, unknown> {
  const { name: _, ...options } = model;
  const sizes = train.augment?.size ?? shape.slice(0, -1);
  return { inputShape: [...sizes, shape[shape.length - 1]], classes: classNames.length, ...options };
}

/** {@link modelOptions}, if `anySize` for images of any size. */
export function networkOptions(
  network: Pick<NetworkConfig, "model" | "train">,
  data: Pick<RunData, "shape" | "classNames">,
  anySize = false,
): Record<string, unknown> {
  const { inputShape, ...options } = modelOptions(network, data);
  const sizes = (inputShape as number[]).map((length, axis, { length: axes }) =>
    anySize && axis < axes - 1 ? null : length,
  );
  return { ...options, inputShape: sizes };
}

/** A network of a run, untrained. @param anySize for images of any size */
export function makeNetwork(network: NetworkConfig, data: RunData, anySize = false): tf.LayersModel {
  return createStored({ name: network.model.name, options: networkOptions(network, data, anySize) });
}

/** @throws GmrError `invalid-argument`, naming the network and the option */
export function checkNetwork(network: NetworkConfig, data: RunData): void {
  checkFit(network, data);
  try {
    checkModelOptions(network.model.name, modelOptions(network, data));
  } catch (error) {
    if (!(error instanceof GmrError)) throw error;
    throw new GmrError(error.code, `network ${network.name}: ${error.message}`, { cause: error });
  }
}
