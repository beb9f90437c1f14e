// Weights in a file of any supported format, detected by content, since extensions mislead (`.bin`, `.ckpt`,
// `.pth.tar`).

import { checkBytes, checkKeys, describeValue, GmrError } from "@gmr-conv/core";
import { readSafetensors } from "./safetensors.ts";
import type { StoredTensor } from "./storedTensor.ts";
import { READ_KEYS, readTorch, type TorchReadOptions } from "./torch/index.ts";

export type WeightsFormat = "torch" | "safetensors";

export interface Weights {
  tensors: Map<string, StoredTensor>;
  format: WeightsFormat;
  /** The prefix removed from every name, such as `module.`, or `""`. */
  prefix: string;
  /** For PyTorch checkpoints: objects that are not tensors, and their classes, by name. */
  opaque: Map<string, string>;
}

/** Wrappers of a network's module, which prefix all names: of DDP, torch.compile, Lightning and trainers. */
const WRAPPERS = new Set(["module", "_orig_mod", "model", "net", "network", "state_dict"]);

/**
 * Reads the tensors of a PyTorch checkpoint or a safetensors file. Names of modules that wrap the whole network
 * (`module`, `_orig_mod`, `model`, …) are removed if all names start with them.
 *
 * @param name name of the file in errors
 * @param options `at`: the dictionary in a checkpoint, or a prefix of names in a safetensors file
 * @throws GmrError `unsupported` for other kinds of files, naming the kind and what to do; as {@link readTorch} and
 *   {@link readSafetensors}
 */
export function readWeights(bytes: Uint8Array, name: string, options: TorchReadOptions = {}): Weights {
  checkKeys("the options of readWeights", options, READ_KEYS);
  const format = weightsFormat(checkBytes(name, bytes));
  if (!format) throw new GmrError("unsupported", `${name} ${kindOfFile(bytes, name)}`);
  const { tensors, opaque } =
    format === "torch"
      ? readTorch(bytes, name, options)
      : { tensors: partOf(readSafetensors(bytes, name).tensors, options.at, name), opaque: new Map() };
  return { format, opaque, ...withoutPrefix(tensors, (part) => WRAPPERS.has(part)) };
}

/** The format of weights, by the first bytes; undefined for other files. */
export function weightsFormat(bytes: Uint8Array): WeightsFormat | undefined {
  checkBytes("weights", bytes);
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  const isPickle = bytes[0] === 0x80 && bytes[1] <= 5;
  if (isZip || isPickle) return "torch";
  // Eight bytes with the length of the header, then the header, JSON.
  return bytes.length > 8 && bytes[8] === 0x7b && bytes[7] === 0 && bytes[6] === 0
    ? "safetensors"
    : undefined;
}

/**
 * Removes path components that all names start with, as long as `isWrapper` accepts them. A name always keeps two
 * components, those of a module and of its weight.
 */
export function withoutPrefix(
  tensors: ReadonlyMap<string, StoredTensor>,
  isWrapper: (component: string) => boolean = () => true,
): { tensors: Map<string, StoredTensor>; prefix: string } {
  const names = [...tensors.keys()];
  let prefix = "";
  while (names.length > 0) {
    const rest = names.map((name) => name.slice(prefix.length));
    const component = rest[0].slice(0, rest[0].indexOf(".") + 1);
    const shared =
      component !== "" && rest.every((name) => name.startsWith(component) && name.split(".").length > 2);
    if (!shared || !isWrapper(component.slice(0, -1))) break;
    prefix += component;
  }
  return {
    prefix,
    tensors: new Map([...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor])),
  };
}

function partOf(
  tensors: Map<string, StoredTensor>,
  at: string | undefined,
  file: string,
): Map<string, StoredTensor> {
  if (!at) return tensors;
  const found = [...tensors].filter(([name]) => name.startsWith(`${at}.`));
  if (found.length === 0) {
    const some = [...tensors.keys()].slice(0, 3).join(", ");
    throw new GmrError(
      "invalid-argument",
      `${file}: no tensors at ${describeValue(at)}; there are ${some}, …`,
    );
  }
  return new Map(found.map(([name, tensor]) => [name.slice(at.length + 1), tensor]));
}

/** What a file is instead, and what to do. */
function kindOfFile(bytes: Uint8Array, name: string): string {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 256)).trimStart();
  if (bytes.length === 0) return "is empty";
  if (start.startsWith("version https://git-lfs")) {
    return "is a Git LFS pointer, not the file itself: run git lfs pull where it comes from";
  }
  if (/^<(!doctype|html|\?xml)/i.test(start)) {
    return "is a web page, not weights: open it in a browser to see why the download failed";
  }
  if (start.startsWith("\x89HDF")) {
    return "is an HDF5 file (Keras): convert it to a TensorFlow.js layers model first, by tensorflowjs_converter";
  }
  if (/\.onnx$/i.test(name)) return "is an ONNX model, which can be written but not read";
  if (start.startsWith("\x93NUMPY")) return "is a NumPy array: save the tensors as safetensors";
  return "is neither a PyTorch checkpoint nor a safetensors file";
}
