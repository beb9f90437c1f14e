// Tensors as described by a checkpoint's pickle: views of storages elsewhere in the file.

import { GmrError } from "@gmr-conv/core";
import { decodeTensor, type ElementType, fileBytes, memoryBytes } from "../elementTypes.ts";
import { elementCount, type StoredTensor } from "../storedTensor.ts";
import { HostObject } from "./pickle.ts";

/** A storage whose elements are not read. */
interface Opaque {
  name: string;
  elementBytes: number;
}

/** A sequence of elements somewhere in the file. */
export class Storage extends HostObject {
  readonly name = "a storage";
  readonly key: string;
  /** Undefined for bytes whose type is given by the tensor. */
  readonly type: ElementType | undefined;
  readonly elementBytes: number;
  readonly bytes: number;
  /** The class, if its elements have a type that is not read. */
  readonly opaque: string | undefined;

  constructor(key: string, type: ElementType | undefined, count: number, opaque?: Opaque) {
    super();
    this.key = key;
    this.type = type;
    this.elementBytes = opaque?.elementBytes ?? (type ? fileBytes(type) : 1);
    this.bytes = count * this.elementBytes;
    this.opaque = opaque?.name;
  }
}

/** Element [i, j, …] is element `offset + i·strides[0] + j·strides[1] + …` of the storage. */
export class TensorView extends HostObject {
  readonly name = "a tensor";
  readonly storage: Storage;
  readonly type: ElementType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  /** All numbers are integers of at least 0, and there is one stride per axis. */
  constructor(
    storage: Storage,
    type: ElementType,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    super();
    this.storage = storage;
    this.type = type;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }

  /** Whether every element lies in the storage. */
  fits(): boolean {
    // Beyond 2^53, sums and products of numbers ≥ 0 are rounded, but never become small again.
    const last = this.shape.reduce((sum, size, axis) => sum + (size - 1) * this.strides[axis], this.offset);
    const end = elementCount(this.shape) === 0 ? this.offset : last + 1;
    return end * fileBytes(this.type) <= this.storage.bytes;
  }

  /** Bytes of the tensor in memory. */
  memoryBytes(): number {
    return elementCount(this.shape) * memoryBytes(this.type);
  }

  /** The tensor, row-major. `bytes` are the storage's. @throws GmrError `unsupported` if memory is insufficient */
  read(bytes: Uint8Array): StoredTensor {
    const size = fileBytes(this.type);
    const elements = allocate(elementCount(this.shape) * size);
    if (this.isRowMajor()) {
      const begin = this.offset * size;
      elements.set(bytes.subarray(begin, begin + elements.length));
    } else {
      this.gather(bytes, elements, size);
    }
    return decodeTensor(this.type, [...this.shape], elements);
  }

  private isRowMajor(): boolean {
    let expected = 1;
    for (let axis = this.shape.length - 1; axis >= 0; axis--) {
      if (this.shape[axis] !== 1 && this.strides[axis] !== expected) return false;
      expected *= this.shape[axis];
    }
    return true;
  }

  private gather(from: Uint8Array, to: Uint8Array, size: number): void {
    const { shape, strides } = this;
    const position = shape.map(() => 0);
    let source = this.offset;
    for (let target = 0; target < to.length; target += size) {
      for (let byte = 0; byte < size; byte++) to[target + byte] = from[source * size + byte];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        source += strides[axis];
        if (++position[axis] < shape[axis]) break;
        source -= shape[axis] * strides[axis];
        position[axis] = 0;
      }
    }
  }
}

function allocate(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new GmrError("unsupported", `a tensor of ${length} bytes is too large for this machine`, { cause });
  }
}
