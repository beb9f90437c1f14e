// The bytes of an ONNX file: a ModelProto, with the field numbers of
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (version 2 of protobuf: repeated numbers are not packed).

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { GmrError } from "@gmr-conv/core";

/** The format with operator set 17. */
const IR_VERSION = 8;
/** Protobuf messages are smaller than 2 GiB. */
const MAX_BYTES = 2 ** 31 - 1;

/** `TensorProto.DataType`. */
const DATA_TYPES = { float32: 1, int32: 6, int64: 7 };
export type DataType = keyof typeof DATA_TYPES;

/** A float attribute; plain numbers are integers. */
export interface FloatAttribute {
  readonly float: number;
}

export type Attributes = Readonly<Record<string, number | readonly number[] | string | FloatAttribute>>;

export interface OnnxNode {
  readonly type: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** An input or output. A string names a size that is unknown until the model runs. */
export interface OnnxValueInfo {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxTensor {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

export interface OnnxModel {
  readonly producer: { readonly name: string; readonly version: string };
  readonly opset: number;
  readonly name: string;
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly nodes: readonly OnnxNode[];
  readonly tensors: readonly OnnxTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The bytes of the file. Tensors are copied once.
 * @throws GmrError `unsupported` for 2 GiB or more
 */
export function encodeModel(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const graph = graphParts(model);
  const graphBytes = sum(graph);
  const w = new BinaryWriter();
  integer(w, 1, IR_VERSION);
  text(w, 2, model.producer.name);
  text(w, 3, model.producer.version);
  message(w, 8, () => {
    text(w, 1, ""); // the domain of the standard operators
    integer(w, 2, model.opset);
  });
  for (const [key, value] of Object.entries(model.metadata)) {
    message(w, 14, () => {
      text(w, 1, key);
      text(w, 2, value);
    });
  }
  const head = w.finish();
  // Plus the field's number, one byte, and the length, five for large tensors.
  const most = head.length + 6 + graphBytes;
  if (most > MAX_BYTES) {
    throw new GmrError("unsupported", `the model needs ${most} bytes, an ONNX file has at most ${MAX_BYTES}`);
  }
  w.tag(7, WireType.LengthDelimited).uint32(graphBytes);
  const parts = [head, w.finish(), ...graph];
  const file = new Uint8Array(sum(parts));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** A GraphProto in pieces, so that its length is known without copying tensors. */
function graphParts({ name, nodes, inputs, outputs, tensors }: OnnxModel): Uint8Array[] {
  const w = new BinaryWriter();
  for (const node of nodes) message(w, 1, () => writeNode(w, node));
  text(w, 2, name);
  for (const input of inputs) message(w, 11, () => writeValueInfo(w, input));
  for (const output of outputs) message(w, 12, () => writeValueInfo(w, output));
  return [w.finish(), ...tensors.flatMap(tensorParts)];
}

/** An initializer: its header, then its numbers. */
function tensorParts({ name, type, shape, data }: OnnxTensor): Uint8Array[] {
  const w = new BinaryWriter();
  for (const size of shape) integer(w, 1, size);
  integer(w, 2, DATA_TYPES[type]);
  text(w, 8, name);
  w.tag(9, WireType.LengthDelimited).uint32(data.byteLength);
  const head = w.finish();
  w.tag(5, WireType.LengthDelimited).uint32(head.length + data.byteLength);
  return [w.finish(), head, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

function writeNode(w: BinaryWriter, { type, name, inputs, outputs, attributes }: OnnxNode): void {
  for (const input of inputs) text(w, 1, input);
  for (const output of outputs) text(w, 2, output);
  text(w, 3, name);
  text(w, 4, type);
  for (const [key, value] of Object.entries(attributes)) {
    message(w, 5, () => {
      text(w, 1, key);
      if (typeof value === "number") {
        integer(w, 3, value);
        integer(w, 20, 2);
      } else if (typeof value === "string") {
        text(w, 4, value);
        integer(w, 20, 3);
      } else if ("float" in value) {
        w.tag(2, WireType.Bit32).float(value.float);
        integer(w, 20, 1);
      } else {
        for (const entry of value) integer(w, 8, entry);
        integer(w, 20, 7);
      }
    });
  }
}

function writeValueInfo(w: BinaryWriter, { name, type, shape }: OnnxValueInfo): void {
  text(w, 1, name);
  message(w, 2, () =>
    message(w, 1, () => {
      integer(w, 1, DATA_TYPES[type]);
      message(w, 2, () => {
        for (const size of shape) {
          message(w, 1, () => (typeof size === "number" ? integer(w, 1, size) : text(w, 2, size)));
        }
      });
    }),
  );
}

function integer(w: BinaryWriter, field: number, value: number): void {
  w.tag(field, WireType.Varint).int64(value);
}

function text(w: BinaryWriter, field: number, value: string): void {
  w.tag(field, WireType.LengthDelimited).string(value);
}

function message(w: BinaryWriter, field: number, write: () => void): void {
  w.tag(field, WireType.LengthDelimited).fork();
  write();
  w.join();
}

function sum(parts: readonly Uint8Array[]): number {
  return parts.reduce((total, { length }) => total + length, 0);
}
