// The changes that options make to a configuration.

import { MODEL_FLAGS, TRAIN_FLAGS, type TrainFlags } from "../commands/trainOptions.ts";
import { type Override, parseOverride } from "../config/override.ts";

const camel = (flags: string): string =>
  flags
    .split(" ")[0]
    .replace(/^--/, "")
    .replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The changes that options make. */
export function overrides(flags: TrainFlags): Override[] {
  const list: Override[] = [];
  const add = (path: string, value: unknown): void => {
    if (value !== undefined) list.push({ path: path.split("."), value });
  };
  if (flags.dataset !== undefined) add("dataset.name", flags.dataset);
  add("dataset.folder", flags.folder);
  add("dataset.file", flags.file);
  if (flags.skipDamaged) add("dataset.skipDamaged", true);
  add("backend", flags.backend);
  add("train.optimizer.name", flags.optimizer);
  if (flags.schedule !== undefined) add("train.schedule", { name: flags.schedule });
  if (flags.checkpointStages) add("train.checkpointStages", true);
  if (flags.syncBatchNorm) add("train.syncBatchNorm", true);
  if (flags.scale !== undefined) add("train.augment.scale", [1 - flags.scale, 1 + flags.scale]);
  for (const [name, , , path] of TRAIN_FLAGS) add(path, flags[camel(name)]);
  if (flags.translate !== undefined) add("train.augment.subpixel", true);
  return [...list, ...flags.set.map(parseOverride)];
}

/** The changes that options make to networks. */
export function modelChanges(flags: TrainFlags): Record<string, unknown> {
  const given = MODEL_FLAGS.flatMap(([name, , , key]) => {
    const value = flags[camel(name)];
    return value === undefined ? [] : [[key, value]];
  });
  const changes = Object.fromEntries(given);
  const { depths } = changes as { depths?: number[] };
  return { ...changes, ...(depths && { strides: depths.map((_, i) => (i === 0 ? 1 : 2)) }) };
}
