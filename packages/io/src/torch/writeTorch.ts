// Writes checkpoints for PyTorch (torch/serialization.py): a zip archive of a pickle and one record per tensor.

import { describeValue, GmrError } from "@gmr-conv/core";
import { type ZipOptions, zipSync } from "fflate";
import { type ElementType, encodeTensor, fileBytes } from "../elementTypes.ts";
import type { StoredTensor } from "../storedTensor.ts";
import { PickleWriter } from "./pickleWriter.ts";

const ROOT = "archive/";
/** PyTorch starts records at multiples of 64 bytes, so that they can be mapped, by padding in an extra field. */
const ALIGNMENT = 64;
const PADDING_ID = 0x4246;
/** Bytes of a record's header besides its name and the padding. */
const HEADER_BYTES = 34;
/** Larger zip archives need fields that fflate does not write. */
const MAX_BYTES = 2 ** 32 - 1;
const MAX_RECORDS = 2 ** 16 - 1;

/** Storage classes of `torch`; the types without one are stored as bytes with a dtype. */
const STORAGES: Partial<Record<ElementType, string>> = {
  F64: "DoubleStorage",
  F32: "FloatStorage",
  I64: "LongStorage",
  I32: "IntStorage",
  I16: "ShortStorage",
  I8: "CharStorage",
  U8: "ByteStorage",
  BOOL: "BoolStorage",
};

/**
 * A checkpoint that `torch.load(path, weights_only=True)` reads as an `OrderedDict` of tensors, in their order.
 * @throws GmrError `invalid-shape` if a tensor's data does not fill its shape; `invalid-argument` for a duplicate name;
 *   `unsupported` for more than 4 GiB
 */
export function writeTorch(tensors: Iterable<readonly [name: string, tensor: StoredTensor]>): Uint8Array {
  const records = new Map<string, Uint8Array>();
  const pickle = new PickleWriter();
  const names = new Set<string>();
  pickle.name("collections", "OrderedDict");
  pickle.codes(")R("); // call it without arguments; MARK
  for (const [name, tensor] of tensors) {
    if (names.has(name))
      throw new GmrError("invalid-argument", `two tensors are named ${describeValue(name)}`);
    const { type, bytes } = encodeTensor(name, tensor);
    pickle.string(name);
    writeTensor(pickle, String(names.size), type, tensor.shape, bytes.length);
    records.set(`data/${names.size}`, bytes);
    names.add(name);
  }
  pickle.codes("u"); // SETITEMS
  const text = (value: string) => new TextEncoder().encode(value);
  return zip(
    new Map([
      ["data.pkl", pickle.finish()],
      ["byteorder", text("little")],
      ...records,
      ["version", text("3\n")],
    ]),
  );
}

/** `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, backward_hooks)`; v3 adds a dtype. */
function writeTensor(
  pickle: PickleWriter,
  key: string,
  type: ElementType,
  shape: readonly number[],
  bytes: number,
): void {
  const storage = STORAGES[type];
  pickle.name("torch._utils", storage ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
  pickle.codes("((");
  pickle.string("storage");
  if (storage) pickle.name("torch", storage);
  else pickle.name("torch.storage", "UntypedStorage");
  pickle.string(key);
  pickle.string("cpu");
  pickle.integer(storage ? bytes / fileBytes(type) : bytes);
  pickle.codes("tQ"); // BINPERSID
  pickle.integer(0);
  pickle.integers(shape);
  pickle.integers(rowMajorStrides(shape));
  pickle.codes("\x89"); // NEWFALSE
  pickle.name("collections", "OrderedDict");
  pickle.codes(")R");
  if (!storage) pickle.name("torch", type.replace("U", "uint"));
  pickle.codes("tR");
}

function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = strides[axis + 1] * Math.max(1, shape[axis + 1]);
  }
  return strides;
}

function zip(records: Map<string, Uint8Array>): Uint8Array {
  const files: Record<string, [Uint8Array, ZipOptions]> = {};
  let size = 0;
  for (const [name, bytes] of records) {
    const header = HEADER_BYTES + ROOT.length + name.length;
    const padding = (ALIGNMENT - ((size + header) % ALIGNMENT)) % ALIGNMENT;
    const options: ZipOptions = {
      level: 0,
      mtime: "1980-01-01T00:00:00", // the earliest possible, so that equal tensors make equal files
      extra: { [PADDING_ID]: new Uint8Array(padding) },
    };
    files[ROOT + name] = [bytes, options];
    size += header + padding + bytes.length;
  }
  // The directory repeats the headers.
  const directory = records.size * (HEADER_BYTES + 2 * ALIGNMENT);
  if (size + directory > MAX_BYTES || records.size > MAX_RECORDS) {
    throw new GmrError(
      "unsupported",
      `${records.size} records of ${size} bytes are more than a zip archive holds`,
    );
  }
  return zipSync(files);
}
