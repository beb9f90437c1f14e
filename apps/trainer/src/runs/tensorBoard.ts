// Event files for TensorBoard: records of a length, its checksum, a message (tensorflow.Event as a protocol buffer)
// and the message's checksum. Sources: https://www.tensorflow.org/tutorials/load_data/tfrecord,
// tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto.

import { appendFileSync, existsSync, mkdirSync, truncateSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { GmrError, reasonOf } from "@gmr-conv/core";

/** Writes scalars for TensorBoard to a new file in a folder, created with the first ones. */
export class EventFile {
  private readonly folder: string;
  private file: string | undefined;
  /** Bytes of whole records. */
  private length = 0;
  /** Whether part of a record may follow them. */
  private cutOff = false;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Adds the numbers of a step, by tag. @throws GmrError `io`, naming the file; what was written before stays whole */
  scalars(step: number, values: Readonly<Record<string, number>>): void {
    const summary = Object.entries(values).flatMap(([tag, value]) => [
      ...bytes(1, Buffer.from([...bytes(1, Buffer.from(tag)), ...float(2, value)])),
    ]);
    this.append([...double(1, Date.now() / 1000), ...varint(2, step), ...bytes(5, Buffer.from(summary))]);
  }

  private append(message: number[]): void {
    const version = [...double(1, Date.now() / 1000), ...bytes(3, Buffer.from("brain.Event:2"))];
    const seconds = Math.floor(Date.now() / 1000);
    this.file ??= path.join(this.folder, `events.out.tfevents.${seconds}.${os.hostname()}.${process.pid}`);
    try {
      mkdirSync(this.folder, { recursive: true });
      // Readers stop at half a record.
      if (this.cutOff && existsSync(this.file)) truncateSync(this.file, this.length);
      this.cutOff = true;
      for (const written of this.length === 0 ? [version, message] : [message]) {
        const whole = record(written);
        appendFileSync(this.file, whole);
        this.length += whole.length;
      }
      this.cutOff = false;
    } catch (error) {
      throw new GmrError("io", `cannot write ${this.file}: ${reasonOf(error)}`, { cause: error });
    }
  }
}

function record(message: number[]): Buffer {
  const data = Buffer.from(message);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, masked(length), data, masked(data)]);
}

// Fields of protocol buffers: number and wire type, then the value.

const number = (value: number): number[] => {
  const result: number[] = [];
  let rest = value;
  while (rest >= 128) {
    result.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...result, rest];
};
const varint = (field: number, value: number): number[] => [field << 3, ...number(value)];
const bytes = (field: number, value: Uint8Array): number[] => [
  (field << 3) | 2,
  ...number(value.length),
  ...value,
];
const double = (field: number, value: number): number[] => {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleLE(value);
  return [(field << 3) | 1, ...buffer];
};
const float = (field: number, value: number): number[] => {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return [(field << 3) | 5, ...buffer];
};

/** CRC-32C (Castagnoli), a byte at a time. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

/** The checksum as in TFRecord, rotated by 15 bits plus a constant. */
function masked(data: Uint8Array): Buffer {
  let crc = 0xffffffff;
  for (const byte of data) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  crc = ~crc >>> 0;
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return buffer;
}
