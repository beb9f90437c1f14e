import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../testing/cli.ts";
import { EventFile } from "./tensorBoard.ts";

describe("EventFile", () => {
  it("writes records that TensorBoard reads", () => {
    const folder = path.join(temporaryFolder(), "events");
    const file = new EventFile(folder);
    expect(existsSync(folder)).toBe(false); // Nothing yet that is worth a file.
    file.scalars(300, { "train/loss": 1.5, "train/accuracy": 0.25 });
    const [name] = readdirSync(folder);
    expect(name).toMatch(/^events\.out\.tfevents\.\d+\./);
    const bytes = readFileSync(path.join(folder, name));
    const records: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(at));
      records.push(bytes.subarray(at + 12, at + 12 + length));
      at += 16 + length;
    }
    expect(records).toHaveLength(2);
    expect(records[0].toString("latin1")).toContain("brain.Event:2");
    const [, event] = records;
    // wall_time: field 1, a double; step: field 2, 300 = 0b10_0101100; summary: field 5.
    expect(event[0]).toBe(0x09);
    expect(Math.abs(event.readDoubleLE(1) - Date.now() / 1000)).toBeLessThan(60);
    expect([...event.subarray(9, 12)]).toEqual([0x10, 0b10101100, 0b10]);
    expect(event[12]).toBe(0x2a);
    const text = event.toString("latin1");
    for (const [tag, value] of [
      ["train/loss", 1.5],
      ["train/accuracy", 0.25],
    ] as const) {
      const after = text.indexOf(tag) + tag.length;
      expect([event[after], event.readFloatLE(after + 1)]).toEqual([0x15, value]);
    }
  });

  it("leaves whole records only where writing fails, and goes on after them", () => {
    const folder = path.join(temporaryFolder(), "events");
    const file = new EventFile(folder);
    writeFileSync(folder, "");
    expect(() => file.scalars(1, { a: 1 })).toThrow(/^cannot write .*events\.out.*: a file is in its place$/);
    rmSync(folder);
    file.scalars(2, { a: 1 });
    const name = path.join(folder, readdirSync(folder)[0]);
    const whole = readFileSync(name);
    rmSync(name);
    mkdirSync(name);
    expect(() => file.scalars(3, { a: 1 })).toThrow("it is a folder, expected a file");
    rmSync(name, { recursive: true });
    writeFileSync(name, Buffer.concat([whole, Buffer.from("half a record")]));
    file.scalars(4, { a: 1 });
    const bytes = readFileSync(name);
    expect(bytes.subarray(0, whole.length)).toEqual(whole);
    expect(Number(bytes.readBigUInt64LE(whole.length)) + 16).toBe(bytes.length - whole.length);
  });

  it("has the checksums of RFC 3720, as records turn them", () => {
    const folder = path.join(temporaryFolder(), "events");
    new EventFile(folder).scalars(0, { a: 1 });
    const bytes = readFileSync(path.join(folder, readdirSync(folder)[0]));
    // An independent CRC-32C, bit by bit.
    const crc = (data: Buffer): number => {
      let sum = 0xffffffff;
      for (const byte of data) {
        sum ^= byte;
        for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0);
      }
      return ~sum >>> 0;
    };
    expect(crc(Buffer.from("123456789"))).toBe(0xe3069283);
    const masked = (data: Buffer): number =>
      ((((crc(data) >>> 15) | (crc(data) << 17)) >>> 0) + 0xa282ead8) >>> 0;
    const length = Number(bytes.readBigUInt64LE(0));
    expect(bytes.readUInt32LE(8)).toBe(masked(bytes.subarray(0, 8)));
    expect(bytes.readUInt32LE(12 + length)).toBe(masked(bytes.subarray(12, 12 + length)));
  });
});
