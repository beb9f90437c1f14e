// The two file formats of torch.save: since PyTorch 1.6 a zip archive of a pickle and one record per storage, before
// that a sequence of pickles followed by the storages (torch/serialization.py).

import { describeValue, GmrError } from "@gmr-conv/core";
import { ZipArchive } from "../zip.ts";
import { TorchHost } from "./classes.ts";
import { type PickleValue, readPickle } from "./pickle.ts";
import type { Storage } from "./tensorView.ts";

/** A checkpoint whose tensors have not been read yet. */
interface Container {
  value: PickleValue;
  /** The bytes of a storage. @throws GmrError `invalid-data` */
  read(storage: Storage): Uint8Array;
}

const PICKLE = "/data.pkl";
const MAGIC = 0x1950a86a20f9469cfc6cn;
const OLD_PROTOCOL = 1001;

/** @throws GmrError `invalid-data`; `unsupported` */
export function openContainer(bytes: Uint8Array, name: string, maxBytes: number): Container {
  const [first, second] = bytes;
  if (first === 0x50 && second === 0x4b) return openArchive(new ZipArchive(bytes, name, maxBytes), name);
  if (first === 0x80) return openOldFile(bytes, name);
  if (new TextDecoder().decode(bytes.subarray(257, 262)) === "ustar") {
    throw new GmrError(
      "unsupported",
      `${name}: it was written by PyTorch 0.1; load and save it with a newer one`,
    );
  }
  throw new GmrError(
    "invalid-data",
    `${name}: it is neither a zip archive nor a pickle, as written by torch.save`,
  );
}

function openArchive(archive: ZipArchive, name: string): Container {
  const pickles = archive
    .names()
    .filter((record) => record.endsWith(PICKLE) && record.split("/").length === 2);
  if (pickles.length !== 1) {
    throw new GmrError(
      "invalid-data",
      `${name}: it has ${pickles.length} records FOLDER${PICKLE}, expected one`,
    );
  }
  const root = pickles[0].slice(0, -PICKLE.length);
  if (archive.has(`${root}/byteorder`)) {
    const order = new TextDecoder().decode(archive.read(`${root}/byteorder`));
    if (order !== "little") {
      throw new GmrError(
        "unsupported",
        `${name}: its byte order is ${describeValue(order)}, expected "little"`,
      );
    }
  }
  return {
    value: readPickle(archive.read(pickles[0]), new TorchHost(name), name).value,
    read: ({ key, bytes }) => {
      const record = archive.read(`${root}/data/${key}`);
      if (record.length === bytes) return record;
      throw new GmrError(
        "invalid-data",
        `${name}: storage ${describeValue(key)} has ${record.length} bytes, expected ${bytes}`,
      );
    },
  };
}

/**
 * Pickles of a magic number, a version, machine properties, the value and the keys of the storages; then the storages.
 */
function openOldFile(bytes: Uint8Array, name: string): Container {
  const fail = (problem: string): GmrError => new GmrError("invalid-data", `${name}: ${problem}`);
  const host = new TorchHost(name);
  let at = 0;
  const next = (): PickleValue => {
    const { value, end } = readPickle(bytes, host, name, at);
    at = end;
    return value;
  };
  if (next() !== MAGIC || next() !== OLD_PROTOCOL) throw fail("it is a pickle, but not one of torch.save");
  const machine = next();
  if (!(machine instanceof Map) || machine.get("little_endian") !== true) {
    throw new GmrError("unsupported", `${name}: its byte order is not little-endian`);
  }
  const value = next();
  const keys = next();
  if (!Array.isArray(keys)) throw fail("the keys of its storages are not a list");
  const begins = new Map<string, number>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const key of keys) {
    const storage = typeof key === "string" ? host.storages.get(key) : undefined;
    if (!storage || begins.has(storage.key))
      throw fail("the keys of its storages are not those of its tensors");
    // The number of elements as eight bytes, then the elements.
    const count = at + 8 <= bytes.length ? Number(view.getBigInt64(at, true)) : -1;
    if (storage.opaque && storage.elementBytes === 0) {
      throw new GmrError(
        "unsupported",
        `${name}: it has a ${storage.opaque}, whose elements are of unknown size`,
      );
    }
    if (count * storage.elementBytes !== storage.bytes) {
      throw fail(`storage ${describeValue(key)} has ${count} elements in ${storage.bytes} bytes`);
    }
    begins.set(storage.key, at + 8);
    at += 8 + storage.bytes;
  }
  if (at !== bytes.length) throw fail(`its storages end at ${at}, it has ${bytes.length} bytes`);
  return {
    value,
    read: ({ key, bytes: size }) => {
      const begin = begins.get(key);
      if (begin === undefined) throw fail(`storage ${describeValue(key)} is missing`);
      return bytes.subarray(begin, begin + size);
    },
  };
}
