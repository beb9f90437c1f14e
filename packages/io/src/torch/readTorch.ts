// Reads PyTorch checkpoints.

import {
  checkBytes,
  checkKeys,
  checkPositiveInteger,
  describeValue,
  GmrError,
  type KeysOf,
} from "@gmr-conv/core";
import type { StoredTensor } from "../storedTensor.ts";
import { openContainer } from "./container.ts";
import { dictionaryOf, flatten } from "./flatten.ts";
import type { PickleValue, Scalar } from "./pickle.ts";
import { type Storage, TensorView } from "./tensorView.ts";

export interface TorchReadOptions {
  /**
   * Name of the dictionary whose tensors to return, such as `"state_dict"` or `"nets.generator"`; `""` for the whole
   * checkpoint. Default: the checkpoint's only dictionary of tensors.
   */
  at?: string | undefined;
  /**
   * Bounds the total bytes of the tensors, and of compressed records. Default: 4 GiB; for small files 64 times the
   * file's length or 64 MiB, whichever is more. (A file can describe a tensor of any size by a single number.)
   */
  maxBytes?: number | undefined;
}

/** The keys of {@link TorchReadOptions}. */
export const READ_KEYS: KeysOf<TorchReadOptions> = { at: true, maxBytes: true };

export interface TorchCheckpoint {
  /** The tensors of the dictionary `at`. Keys of nested dictionaries and indices of lists are joined by dots. */
  tensors: Map<string, StoredTensor>;
  /** Where the tensors were found. */
  at: string;
  /** All other values in the checkpoint by full name, such as `epoch` or `optimizer.param_groups.0.lr`. */
  values: Map<string, TorchValue>;
  /**
   * The classes of other objects by full name: `args` → `argparse.Namespace`. They are never constructed; entries of
   * those that extend dictionaries or lists are in `tensors` and `values`.
   */
  opaque: Map<string, string>;
}

/** A number, a string, true, false or None; a `torch.dtype` is its name. */
export type TorchValue = Scalar;

const DEFAULT_MAX_BYTES = 2 ** 32;
const SMALL_MAX_BYTES = 2 ** 26;
const SMALL_FACTOR = 64;

/**
 * Reads a checkpoint written by `torch.save`: dictionaries (such as state dicts, alone or with an optimiser's state)
 * and lists of tensors, parameters, numbers, strings. Nothing in the file is executed. Objects of other classes are not
 * constructed, but listed in `opaque`. Float16 and bfloat16 are widened to float32, which is exact; views are copied
 * row-major.
 *
 * @param name name of the file in errors
 * @throws GmrError `invalid-data` for a damaged file or one that exceeds `maxBytes`; `unsupported` for a file with
 *   objects of other classes but without tensors (such as a whole module), and for big-endian files; `invalid-argument`
 *   if `at` names no dictionary of tensors, or if it is missing and there are several
 */
export function readTorch(
  bytes: Uint8Array,
  name = "torch checkpoint",
  options: TorchReadOptions = {},
): TorchCheckpoint {
  checkBytes(name, bytes);
  const maxBytes = checkPositiveInteger(
    "maxBytes",
    checkKeys("the options of readTorch", options, READ_KEYS).maxBytes ?? defaultMaxBytes(bytes),
  );
  const container = openContainer(bytes, name, maxBytes);
  const { tensors, values, opaque } = flatten(container.value, name);
  if (tensors.size === 0 && opaque.size > 0) throw withoutTensors(opaque, name);
  const at = options.at ?? onlyDictionary(container.value, name);
  const prefix = at === "" ? "" : `${at}.`;
  const chosen = [...tensors].filter(([key]) => key.startsWith(prefix));
  if (chosen.length === 0 && tensors.size > 0) {
    const some = [...tensors.keys()].slice(0, 3).join(", ");
    throw new GmrError(
      "invalid-argument",
      `${name}: no tensors at ${describeValue(at)}; there are ${some}, …`,
    );
  }
  const size = chosen.reduce((sum, [, tensor]) => sum + tensor.memoryBytes(), 0);
  if (size > maxBytes) {
    throw new GmrError(
      "invalid-data",
      `${name}: its tensors take ${size} bytes, more than the ${maxBytes} allowed`,
    );
  }
  const read = cached(container.read);
  return {
    tensors: new Map(
      chosen.map(([key, tensor]) => [key.slice(prefix.length), tensor.read(read(tensor.storage))]),
    ),
    at,
    values,
    opaque,
  };
}

function withoutTensors(opaque: ReadonlyMap<string, string>, name: string): GmrError {
  const [first] = opaque.values();
  return new GmrError(
    "unsupported",
    `${name}: it refers to ${describeValue(first)}, which is not a part of dictionaries of tensors, ` +
      "and contains no tensors beside it; save model.state_dict() alone",
  );
}

function defaultMaxBytes(bytes: Uint8Array): number {
  return Math.min(DEFAULT_MAX_BYTES, Math.max(SMALL_MAX_BYTES, SMALL_FACTOR * bytes.length));
}

/** The top level, if it has tensors itself or no part has; otherwise the only part that has. */
function onlyDictionary(value: PickleValue, name: string): string {
  const dictionary = dictionaryOf(value);
  if (!dictionary) return "";
  const found = [...dictionary].filter(([, child]) => hasTensors(child)).map(([key]) => String(key));
  if (hasTensors(value)) found.unshift("");
  if (found.length <= 1) return found[0] ?? "";
  const list = found.slice(0, 5).map(describeValue).join(", ");
  throw new GmrError(
    "invalid-argument",
    `${name}: several dictionaries have tensors; choose one by the option at (--at in the command): ${list}`,
  );
}

/** Scalar tensors, such as a best score, are not weights. */
function hasTensors(value: PickleValue): boolean {
  return [...(dictionaryOf(value)?.values() ?? [])].some(
    (item) => item instanceof TensorView && item.shape.length > 0,
  );
}

/** Tensors often share a storage, which may have to be inflated. */
function cached(read: (storage: Storage) => Uint8Array): (storage: Storage) => Uint8Array {
  const known = new Map<Storage, Uint8Array>();
  return (storage) => {
    const bytes = known.get(storage) ?? read(storage);
    known.set(storage, bytes);
    return bytes;
  };
}
