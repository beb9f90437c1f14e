// Converts a model's weights to a PyTorch state dictionary, and back. A layer's name is the path of its module.

import { checkKeys, describeValue, GmrError, type KeysOf, product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { type StoredTensor, toFloat32 } from "../storedTensor.ts";
import { type Entry, type FixedEntry, modelEntries, type WeightEntry } from "./entries.ts";

/**
 * The state dictionary of a model. A PyTorch module with the model's layer names as paths loads it strictly:
 * `layer1.0.conv1.weight` is the weight of the layer `layer1.0.conv1`. It includes what follows from a layer's options
 * (ring masks, `mus`), and `num_batches_tracked` as it was loaded (else 0)
 *
 * @throws GmrError `unsupported` for weights that have no counterpart in PyTorch, and for layers that are models
 */
export async function stateDictOf(model: tf.LayersModel): Promise<Map<string, StoredTensor>> {
  const state = new Map<string, StoredTensor>();
  for (const [key, entry] of modelEntries(model)) {
    state.set(key, "tensor" in entry ? entry.tensor : await readWeight(entry));
  }
  return state;
}

async function readWeight({ variable, from, order, shape }: WeightEntry): Promise<StoredTensor> {
  const turned = tf.tidy(() =>
    variable
      .read()
      .reshape([...from])
      .transpose([...order]),
  );
  const data = Float32Array.from(await turned.data());
  turned.dispose();
  return { shape: [...shape], data };
}

export interface LoadOptions {
  /** Require the tensors and the weights to have the same names. Default true. */
  strict?: boolean | undefined;
}

const KEYS: KeysOf<LoadOptions> = { strict: true };

export interface LoadReport {
  /** Names of the tensors that were loaded into weights. */
  loaded: string[];
  /** Names of weights without a tensor. */
  missing: string[];
  /** Names of tensors without a weight. */
  unexpected: string[];
}

/**
 * Sets the weights of a model from a state dictionary of {@link stateDictOf} or PyTorch. Numbers are rounded to
 * float32. Tensors that follow from a layer's options may be absent; if present, they must equal the layer's, or the
 * weights would mean something else. If anything is wrong, no weight is changed.
 *
 * @throws GmrError `invalid-shape` for a tensor of another shape; `invalid-data` for missing and unexpected tensors
 *   (if strict), and for ring masks of another partition; `unsupported` as {@link stateDictOf}
 */
export function loadStateDict(
  model: tf.LayersModel,
  tensors: ReadonlyMap<string, StoredTensor>,
  options: LoadOptions = {},
): LoadReport {
  checkKeys("the options of loadStateDict", options, KEYS);
  const entries = modelEntries(model);
  const report: LoadReport = { loaded: [], missing: [], unexpected: [] };
  const writes: (() => void)[] = [];
  for (const [key, entry] of entries) {
    const tensor = tensors.get(key);
    if (tensor) checkShape(key, tensor, entry);
    if ("tensor" in entry) {
      if (tensor) {
        checkFixed(key, tensor, entry);
        writes.push(() => entry.keep?.(tensor));
      }
    } else if (tensor) {
      report.loaded.push(key);
      writes.push(() => writeWeight(entry, tensor));
    } else {
      report.missing.push(key);
    }
  }
  report.unexpected = [...tensors.keys()].filter((key) => !entries.has(key));
  if (options.strict ?? true) checkComplete(model, report);
  for (const write of writes) write();
  return report;
}

function writeWeight({ variable, from, order }: WeightEntry, tensor: StoredTensor): void {
  const values = transposedBack(toFloat32(tensor), from, order);
  const weight = tf.tensor(values, variable.shape as number[]);
  variable.write(weight);
  weight.dispose();
}

/** The values of shape `from` whose transpose, with the axes in `order`, is `values`. */
function transposedBack(
  values: Float32Array,
  from: readonly number[],
  order: readonly number[],
): Float32Array {
  if (order.every((axis, i) => axis === i)) return values;
  const steps = from.map((_, axis) => product(from.slice(axis + 1)));
  const result = new Float32Array(values.length);
  let next = 0;
  const copy = (depth: number, at: number): void => {
    const step = steps[order[depth]];
    const end = at + from[order[depth]] * step;
    if (depth === order.length - 1) for (let i = at; i < end; i += step) result[i] = values[next++];
    else for (let i = at; i < end; i += step) copy(depth + 1, i);
  };
  copy(0, 0);
  return result;
}

function checkShape(key: string, { shape }: StoredTensor, entry: Entry): void {
  const expected = "tensor" in entry ? entry.tensor.shape : entry.shape;
  if (shape.join() === expected.join()) return;
  throw new GmrError("invalid-shape", `tensor ${key} has shape [${shape}], the model needs [${expected}]`);
}

function checkFixed(key: string, given: StoredTensor, { tensor, binding }: FixedEntry): void {
  const expected = toFloat32(tensor);
  if (!binding || toFloat32(given).every((value, i) => value === expected[i])) return;
  throw new GmrError(
    "invalid-data",
    `tensor ${key} is not that of the layer: it has other rings, or trained masks`,
  );
}

function checkComplete(model: tf.LayersModel, { missing, unexpected }: LoadReport): void {
  if (missing.length === 0 && unexpected.length === 0) return;
  const list = (names: string[]) => {
    const some = names.slice(0, 3).join(", ");
    return names.length > 3 ? `${some}, … (${names.length})` : some || "none";
  };
  throw new GmrError(
    "invalid-data",
    `the tensors do not fit model ${describeValue(model.name)}: missing ${list(missing)}; ` +
      `unexpected ${list(unexpected)}`,
  );
}
