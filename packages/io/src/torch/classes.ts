// The classes and functions that PyTorch's checkpoints of tensors refer to (torch/_utils.py, torch/serialization.py).

import { describeValue, GmrError } from "@gmr-conv/core";
import { type ElementType, fileBytes } from "../elementTypes.ts";
import { isShape } from "../storedTensor.ts";
import { HostObject, type PickleHost, type PickleValue, Tuple } from "./pickle.ts";
import { Storage, TensorView } from "./tensorView.ts";

/** As in PyTorch. */
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

type Args = readonly PickleValue[];
type Fail = (problem: string) => GmrError;

const FUNCTIONS: Record<string, (args: Args, fail: Fail) => PickleValue> = {
  "collections.OrderedDict": (args, fail) => {
    if (args.length > 0)
      throw fail("an OrderedDict is made of something: save the checkpoint again with Python 3");
    return new Map();
  },
  "torch.Size": ([sizes], fail) => {
    if (sizes instanceof Tuple) return sizes;
    throw fail("a torch.Size is not made of a tuple");
  },
  "torch._utils._rebuild_parameter": ([tensor], fail) => {
    if (tensor instanceof TensorView) return tensor;
    throw fail("a parameter is not made of a tensor");
  },
  // (storage, offset, size, stride, requires_grad, backward_hooks, metadata); v3 has a dtype before the metadata
  "torch._utils._rebuild_tensor": (args, fail) => tensorView(args, undefined, undefined, fail),
  "torch._utils._rebuild_tensor_v2": (args, fail) => tensorView(args, undefined, args[6], fail),
  "torch._utils._rebuild_tensor_v3": (args, fail) => tensorView(args, args[6], args[7], fail),
};

/** A class or function by its name; in a dictionary, it stands for itself (`torch.float32`). */
export class TorchName extends HostObject {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

/** What pickles of tensors can reach. `storages` collects those that they refer to, by key. */
export class TorchHost implements PickleHost {
  readonly storages = new Map<string, Storage>();
  private readonly names = new Map<string, TorchName>();
  private readonly file: string;

  /** @param file names the file in errors */
  constructor(file: string) {
    this.file = file;
    for (const table of [STORAGES, DTYPES, FUNCTIONS]) {
      for (const name of Object.keys(table)) this.names.set(name, new TorchName(name));
    }
  }

  resolve(name: string): PickleValue {
    const known = this.names.get(name);
    if (known) return known;
    throw new GmrError(
      "unsupported",
      `${this.file}: it refers to ${describeValue(name)}, which is not a part of dictionaries of tensors; ` +
        "save model.state_dict() alone",
    );
  }

  call(callee: PickleValue, args: Args): PickleValue {
    const make = callee instanceof TorchName ? FUNCTIONS[callee.name] : undefined;
    if (make) return make(args, this.fail);
    throw this.fail(
      `it calls ${callee instanceof HostObject ? callee.name : "a value"}, which is not a function`,
    );
  }

  /** ("storage", class, key, device, number of elements); the old format adds a view of another storage, or None */
  load(id: PickleValue): PickleValue {
    const [kind, type, key, , count, view = null] = id instanceof Tuple ? id.items : [];
    if (kind !== "storage" || !(type instanceof TorchName) || !Object.hasOwn(STORAGES, type.name)) {
      throw this.fail("it refers to something outside itself that is not a storage");
    }
    if (typeof key !== "string" || !isSize(count)) throw this.fail("a storage has no key or no size");
    if (view !== null) {
      throw new GmrError(
        "unsupported",
        `${this.file}: a storage is a view of another; save it again with PyTorch ≥ 1.6`,
      );
    }
    const elements = STORAGES[type.name];
    const bytes = count * (elements ? fileBytes(elements) : 1);
    const known = this.storages.get(key);
    if (known && known.type === elements && known.bytes === bytes) return known;
    if (known) throw this.fail(`storage ${describeValue(key)} has two types or sizes`);
    const storage = new Storage(key, elements, bytes);
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
): TensorView {
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
  // Such as that the numbers are to be negated.
  if (metadata instanceof Map && metadata.size > 0)
    throw fail("a tensor has attributes, which are not supported");
  const type = dtype instanceof TorchName ? DTYPES[dtype.name] : storage.type;
  if (!type) throw fail("a tensor has no element type");
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
