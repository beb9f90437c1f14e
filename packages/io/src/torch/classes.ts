// The classes and functions that PyTorch's checkpoints of tensors refer to (torch/_utils.py, torch/serialization.py).

import { describeValue, GmrError } from "@gmr-conv/core";
import type { ElementType } from "../elementTypes.ts";
import { isShape } from "../storedTensor.ts";
import {
  ByteString,
  HostObject,
  OpaqueName,
  OpaqueObject,
  type PickleHost,
  type PickleValue,
  Tuple,
} from "./pickle.ts";
import { Storage, TensorView } from "./tensorView.ts";

/** The same as PyTorch's. */
const MAX_AXES = 64;

const STORAGES: Record<string, ElementType | undefined> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
  "torch.storage.UntypedStorage": undefined,
};

/**
 * Element sizes of storages that are not read: complex and quantised numbers. Needed for files from before PyTorch 1.6,
 * whose storages lie one after the other.
 */
const OPAQUE_STORAGES: Record<string, number> = {
  "torch.ComplexHalfStorage": 4,
  "torch.ComplexFloatStorage": 8,
  "torch.ComplexDoubleStorage": 16,
  "torch.QInt8Storage": 1,
  "torch.QUInt8Storage": 1,
  "torch.QInt32Storage": 4,
};

const DTYPES: Record<string, ElementType> = {
  "torch.float64": "F64",
  "torch.float32": "F32",
  "torch.float16": "F16",
  "torch.bfloat16": "BF16",
  "torch.int64": "I64",
  "torch.int32": "I32",
  "torch.int16": "I16",
  "torch.int8": "I8",
  "torch.uint64": "U64",
  "torch.uint32": "U32",
  "torch.uint16": "U16",
  "torch.uint8": "U8",
  "torch.bool": "BOOL",
};

/** Readers of numbers, by NumPy's name of the type. */
const NUMPY_NUMBERS: Record<string, (view: DataView) => number | bigint | boolean> = {
  f8: (view) => view.getFloat64(0, true),
  f4: (view) => view.getFloat32(0, true),
  i8: (view) => view.getBigInt64(0, true),
  i4: (view) => view.getInt32(0, true),
  i2: (view) => view.getInt16(0, true),
  i1: (view) => view.getInt8(0),
  u8: (view) => view.getBigUint64(0, true),
  u4: (view) => view.getUint32(0, true),
  u2: (view) => view.getUint16(0, true),
  u1: (view) => view.getUint8(0),
  b1: (view) => view.getUint8(0) !== 0,
};

/** Size of the largest NumPy number that is read. */
const MAX_NUMBER_BYTES = 8;

type Args = readonly PickleValue[];
type Fail = (problem: string) => GmrError;

const FUNCTIONS: Record<string, (args: Args, fail: Fail) => PickleValue> = {
  "collections.OrderedDict": (args, fail) => {
    if (args.length > 0)
      throw fail("an OrderedDict is made of something: save the checkpoint again with Python 3");
    return new Map();
  },
  "collections.defaultdict": () => new Map(),
  "collections.Counter": ([counts]) => (counts instanceof Map ? counts : new Map()),
  "builtins.set": () => new OpaqueObject("set"),
  "builtins.frozenset": () => new OpaqueObject("set"),
  "__builtin__.set": () => new OpaqueObject("set"),
  "__builtin__.frozenset": () => new OpaqueObject("set"),
  // Bytes, before protocol 3.
  "_codecs.encode": ([text]) =>
    // Only numbers are read from bytes, and a pickle may make many from one text.
    typeof text === "string" && text.length <= MAX_NUMBER_BYTES && isLatin1(text)
      ? new ByteString(Uint8Array.from(text, (c) => c.charCodeAt(0)))
      : new OpaqueObject("bytes"),
  "numpy.core.multiarray.scalar": numpyScalar,
  "numpy._core.multiarray.scalar": numpyScalar,
  "torch.device": (args) => deviceName(args) ?? new OpaqueObject("torch.device"),
  "torch.Size": ([sizes], fail) => {
    if (sizes instanceof Tuple) return sizes;
    throw fail("a torch.Size is not made of a tuple");
  },
  "torch._utils._rebuild_parameter": ([tensor], fail) => {
    if (tensor instanceof TensorView || tensor instanceof OpaqueObject) return tensor;
    throw fail("a parameter is not made of a tensor");
  },
  "torch._utils._rebuild_parameter_with_state": ([tensor], fail) => {
    if (tensor instanceof TensorView || tensor instanceof OpaqueObject) return tensor;
    throw fail("a parameter is not made of a tensor");
  },
  // (function, type, arguments, state): a tensor of a custom class
  "torch._tensor._rebuild_from_type_v2": ([make, , args], fail) => {
    const name = make instanceof TorchName ? make.name : "";
    const known = /^torch\._utils\._rebuild_tensor/.test(name) ? FUNCTIONS[name] : undefined;
    if (known && args instanceof Tuple) return known(args.items, fail);
    return new OpaqueObject("torch._tensor._rebuild_from_type_v2", [make]);
  },
  // (storage, offset, size, stride, requires_grad, backward_hooks, metadata); v3 has a dtype before the metadata
  "torch._utils._rebuild_tensor": (args, fail) => tensorView(args, undefined, undefined, fail),
  "torch._utils._rebuild_tensor_v2": (args, fail) => tensorView(args, undefined, args[6], fail),
  "torch._utils._rebuild_tensor_v3": (args, fail) => tensorView(args, args[6], args[7], fail),
};

/** A class or function by its name; in a dictionary, a value like any other (`torch.float32`). */
class TorchName extends HostObject {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

/**
 * What pickles of tensors can reach. Nothing else is ever looked up, called or constructed; placeholders keep its name.
 * `storages` collects the storages referred to, by key.
 */
export class TorchHost implements PickleHost {
  readonly storages = new Map<string, Storage>();
  private readonly names = new Map<string, TorchName>();
  private readonly file: string;

  /** @param file name of the file in errors */
  constructor(file: string) {
    this.file = file;
    for (const table of [STORAGES, DTYPES, FUNCTIONS]) {
      for (const name of Object.keys(table)) this.names.set(name, new TorchName(name));
    }
  }

  resolve(name: string): PickleValue {
    return this.names.get(name) ?? new OpaqueName(name);
  }

  call(callee: PickleValue, args: Args): PickleValue {
    const make = callee instanceof TorchName ? FUNCTIONS[callee.name] : undefined;
    if (make) return make(args, this.fail);
    if (callee instanceof OpaqueName) {
      // Functions that make an object of the class in their first argument.
      const made = /\b_reconstruct(or)?$/.test(callee.name) ? args[0] : callee;
      return new OpaqueObject(made instanceof HostObject ? made.name : callee.name, args);
    }
    throw this.fail(
      `it calls ${callee instanceof HostObject ? callee.name : "a value"}, which is not a function`,
    );
  }

  /** ("storage", class, key, device, number of elements); the old format adds a view of another storage, or None */
  load(id: PickleValue): PickleValue {
    const [kind, type, key, , count, view = null] = id instanceof Tuple ? id.items : [];
    const className = type instanceof TorchName || type instanceof OpaqueName ? type.name : "";
    const isOpaque = type instanceof OpaqueName && /^torch\.\w+Storage$/.test(className);
    if (kind !== "storage" || !(Object.hasOwn(STORAGES, className) || isOpaque)) {
      throw this.fail("it refers to something outside itself that is not a storage");
    }
    if (typeof key !== "string" || !isSize(count)) throw this.fail("a storage has no key or no size");
    if (view !== null) {
      throw new GmrError(
        "unsupported",
        `${this.file}: a storage is a view of another; save it again with PyTorch ≥ 1.6`,
      );
    }
    const elementBytes = Object.hasOwn(OPAQUE_STORAGES, className) ? OPAQUE_STORAGES[className] : 0;
    const opaque = isOpaque ? { name: className, elementBytes } : undefined;
    const storage = new Storage(key, STORAGES[className], count, opaque);
    const known = this.storages.get(key);
    if (known && known.type === storage.type && known.bytes === storage.bytes) return known;
    if (known) throw this.fail(`storage ${describeValue(key)} has two types or sizes`);
    this.storages.set(key, storage);
    return storage;
  }

  private readonly fail: Fail = (problem) => new GmrError("invalid-data", `${this.file}: ${problem}`);
}

function tensorView(
  [storage, offset, size, stride]: Args,
  dtype: PickleValue | undefined,
  metadata: PickleValue | undefined,
  fail: Fail,
): TensorView | OpaqueObject {
  if (storage instanceof Storage && storage.opaque) return new OpaqueObject(storage.opaque);
  if (!(storage instanceof Storage)) throw fail("a tensor has no storage");
  const shape = size instanceof Tuple ? size.items : [];
  const strides = stride instanceof Tuple ? stride.items : [];
  if (!(size instanceof Tuple) || !isShape(shape) || shape.length > MAX_AXES) {
    throw fail(`a tensor's shape is not a tuple of at most ${MAX_AXES} sizes`);
  }
  if (!isShape(strides) || strides.length !== shape.length) {
    throw fail(`a tensor of shape ${describeValue(shape)} has strides that are not ${shape.length} sizes`);
  }
  if (!isSize(offset)) throw fail("a tensor's offset is not a size");
  // For example that the numbers are to be negated.
  if (metadata instanceof Map && metadata.size > 0) return new OpaqueObject("a tensor with attributes");
  const named = dtype instanceof HostObject ? dtype.name : undefined;
  const type = named === undefined ? storage.type : DTYPES[named];
  if (!type && named === undefined) throw fail("a tensor has no element type");
  if (!type) return new OpaqueObject(`a tensor of ${named}`);
  const tensor = new TensorView(storage, type, offset, shape, strides);
  if (!tensor.fits()) {
    throw fail(
      `a tensor of shape ${describeValue(shape)}, strides ${describeValue(strides)} and offset ${offset} ` +
        `does not lie in its storage of ${storage.bytes} bytes`,
    );
  }
  return tensor;
}

function isSize(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** A NumPy number from its type and its bytes. */
function numpyScalar([type, bytes]: Args): PickleValue {
  const [name] = type instanceof OpaqueObject ? type.args : [];
  const read = typeof name === "string" ? NUMPY_NUMBERS[name.replace(/^[<=|]/, "")] : undefined;
  if (!read || !(bytes instanceof ByteString) || bytes.bytes.length !== Number(String(name).at(-1))) {
    return new OpaqueObject(`numpy scalar ${typeof name === "string" ? name : ""}`.trim());
  }
  const value = read(new DataView(bytes.bytes.buffer, bytes.bytes.byteOffset, bytes.bytes.length));
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** A device such as `cuda:1`, from a type and perhaps a number. */
function deviceName([type, index]: Args): string | undefined {
  if (typeof type !== "string" || type.length > 100) return undefined;
  if (index === undefined) return type;
  return typeof index === "number" ? `${type}:${index}` : undefined;
}

function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 255) return false;
  return true;
}
