// Element types by their names in safetensors files. All are little-endian, like the machines that run JavaScript.

import { describeValue, GmrError, typeName } from "@gmr-conv/core";
import { elementCount, type StoredTensor, type TensorData } from "./storedTensor.ts";

interface ArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): TensorData;
}

const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} satisfies Record<string, ArrayType>;

export type ElementType = keyof typeof ARRAYS;

export const ELEMENT_TYPES = Object.keys(ARRAYS);

export function isElementType(value: unknown): value is ElementType {
  return typeof value === "string" && Object.hasOwn(ARRAYS, value);
}

/** Bytes of an element in a file. */
export function fileBytes(type: ElementType): number {
  return ARRAYS[type].BYTES_PER_ELEMENT;
}

/** Bytes of an element in memory, where half-precision numbers are widened. */
export function memoryBytes(type: ElementType): number {
  return type === "F16" || type === "BF16" ? 4 : fileBytes(type);
}

/** The tensor stored in the bytes of a file. `bytes` must span its whole buffer, which the tensor may keep. */
export function decodeTensor(
  type: ElementType,
  shape: number[],
  { buffer }: Uint8Array<ArrayBuffer>,
): StoredTensor {
  if (type === "F16") return { shape, data: widenHalf(new Uint16Array(buffer)) };
  if (type === "BF16") return { shape, data: widenBfloat(new Uint16Array(buffer)) };
  const data = new ARRAYS[type](buffer);
  return type === "BOOL" ? { shape, data, bool: true } : { shape, data };
}

/**
 * The element type and the bytes of a tensor, for a file. `name` is the tensor's, for errors.
 * @throws GmrError `invalid-shape` if the data does not fill the shape
 */
export function encodeTensor(
  name: string,
  { shape, data, bool }: StoredTensor,
): { type: ElementType; bytes: Uint8Array } {
  const count = elementCount(shape);
  if (count !== data.length) {
    throw new GmrError(
      "invalid-shape",
      `tensor ${describeValue(name)} has ${data.length} elements, its shape [${shape}] needs ${count}`,
    );
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const type = TYPE_OF_ARRAY[typeName(data)] ?? (bool ? "BOOL" : "U8");
  return { type, bytes };
}

const TYPE_OF_ARRAY: Readonly<Record<string, ElementType>> = {
  Float64Array: "F64",
  Float32Array: "F32",
  BigInt64Array: "I64",
  Int32Array: "I32",
  Int16Array: "I16",
  Int8Array: "I8",
  BigUint64Array: "U64",
  Uint32Array: "U32",
  Uint16Array: "U16",
};

/** IEEE 754 binary16, bit by bit: 1 sign, 5 exponent (bias 15), 10 fraction. */
function widenHalf(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  halves.forEach((half, i) => {
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    const sign = half & 0x8000;
    if (exponent === 0) floats[i] = (sign ? -1 : 1) * fraction * 2 ** -24;
    else bits[i] = (sign << 16) | ((exponent === 0x1f ? 0xff : exponent + 112) << 23) | (fraction << 13);
  });
  return floats;
}

/** A bfloat16 is the upper half of a float32. */
function widenBfloat(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}
