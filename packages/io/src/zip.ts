// Reads zip archives (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT). fflate inflates the records; the
// directory is read here, since every number in it has to be checked before anything is inflated.

import { describeValue, GmrError } from "@gmr-conv/core";
import { Inflate } from "fflate";
import { crc32 } from "./crc32.ts";

/** Sizes of the fixed parts of headers, and their signatures. */
const LOCAL = { size: 30, signature: 0x04034b50 };
const ENTRY = { size: 46, signature: 0x02014b50 };
const END = { size: 22, signature: 0x06054b50 };
const END64 = { size: 56, signature: 0x06064b50 };
const LOCATOR64 = { size: 20, signature: 0x07064b50 };

const MAX_COMMENT = 0xffff;
const STORED = 0;
const DEFLATED = 8;
/** The largest compression ratio of deflate (https://zlib.net/zlib_tech.html). */
const MAX_RATIO = 1032;

/** Compressed size in bytes; inflated, at most about a thousand times as much. */
const INFLATED_AT_ONCE = 2 ** 16;

interface ZipRecord {
  name: string;
  deflated: boolean;
  /** Where the record's header starts in the file. */
  header: number;
  /** The record is [begin, end) of the file's bytes. */
  begin: number;
  end: number;
  /** Inflated size in bytes. */
  size: number;
  /** 0 if the writer did not compute it. */
  checksum: number;
}

/** A zip archive in memory with a checked directory. */
export class ZipArchive {
  private readonly records = new Map<string, ZipRecord>();
  private readonly view: DataView;

  /**
   * @param maxBytes bounds the total inflated size of compressed records
   * @throws GmrError `invalid-data` for a directory that does not describe these bytes; `unsupported` for encrypted
   *   archives and for compression other than deflate
   */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly name: string,
    maxBytes: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.readDirectory();
    this.checkOverlaps();
    let inflated = 0;
    for (const { deflated, size } of this.records.values()) inflated += deflated ? size : 0;
    if (inflated > maxBytes) {
      throw this.fail(`its records inflate to ${inflated} bytes, more than the ${maxBytes} allowed`);
    }
  }

  names(): string[] {
    return [...this.records.keys()];
  }

  has(record: string): boolean {
    return this.records.has(record);
  }

  /**
   * The bytes of a record, perhaps a view of the file's.
   * @throws GmrError `invalid-data` if there is no such record, or if it is damaged
   */
  read(record: string): Uint8Array {
    const found = this.records.get(record);
    if (!found) throw this.fail(`it has no record ${describeValue(record)}`);
    const stored = this.bytes.subarray(found.begin, found.end);
    const bytes = found.deflated ? this.inflate(stored, found) : stored;
    if (found.checksum !== 0 && crc32(bytes) !== found.checksum) {
      throw this.fail(`record ${describeValue(record)} is damaged: its checksum is wrong`);
    }
    return bytes;
  }

  private inflate(stored: Uint8Array, { name, size }: ZipRecord): Uint8Array {
    const out = new Uint8Array(size);
    let length = 0;
    const stream = new Inflate((part) => {
      out.set(part, length); // Fails if a record contains more than it claims: it is not inflated to its end.
      length += part.length;
    });
    try {
      for (let at = 0; at < stored.length; at += INFLATED_AT_ONCE) {
        const next = at + INFLATED_AT_ONCE;
        stream.push(stored.subarray(at, next), next >= stored.length);
      }
    } catch {
      length = -1;
    }
    if (length !== size) throw this.fail(`record ${describeValue(name)} does not inflate to ${size} bytes`);
    return out;
  }

  private readDirectory(): void {
    const directory = this.findDirectory();
    let at = directory.begin;
    for (let i = 0; i < directory.count; i++) {
      this.expect(at, directory.end, ENTRY, "directory entry");
      const next = at + ENTRY.size + this.u16(at + 28) + this.u16(at + 30) + this.u16(at + 32);
      if (next > directory.end) throw this.fail(`the directory entry at ${at} is longer than the directory`);
      const record = this.readEntry(at, directory.begin);
      if (this.records.has(record.name)) throw this.fail(`it has two records ${describeValue(record.name)}`);
      this.records.set(record.name, record);
      at = next;
    }
  }

  /** The directory precedes the end record, which precedes a comment of any length at the end of the file. */
  private findDirectory(): { begin: number; end: number; count: number } {
    const last = this.bytes.length - END.size;
    let at = last;
    const isEnd = () =>
      this.u32(at) === END.signature && at + END.size + this.u16(at + 20) === this.bytes.length;
    while (at >= 0 && last - at <= MAX_COMMENT && !isEnd()) at--;
    if (at < 0 || last - at > MAX_COMMENT) throw this.fail("it has no zip directory: is it truncated?");
    let [count, size, begin] = [this.u16(at + 10), this.u32(at + 12), this.u32(at + 16)];
    let end = at;
    if (count === 0xffff || size === 0xffffffff || begin === 0xffffffff) {
      this.expect(at - LOCATOR64.size, at, LOCATOR64, "zip64 locator");
      end = this.u64(at - LOCATOR64.size + 8);
      this.expect(end, at - LOCATOR64.size, END64, "zip64 end record");
      [count, size, begin] = [this.u64(end + 32), this.u64(end + 40), this.u64(end + 48)];
    }
    if (begin + size > end || count * ENTRY.size > size) {
      throw this.fail(
        `it claims a directory of ${count} records at [${begin}, ${begin + size}) before ${end}`,
      );
    }
    return { begin, end: begin + size, count };
  }

  private readEntry(at: number, directoryBegin: number): ZipRecord {
    const nameLength = this.u16(at + 28);
    const name = this.text(at + ENTRY.size, nameLength);
    const what = `record ${describeValue(name)}`;
    const method = this.u16(at + 10);
    if (this.u16(at + 8) & 1) throw this.unsupported(`${what} is encrypted`);
    if (method !== STORED && method !== DEFLATED)
      throw this.unsupported(`${what} has compression method ${method}`);
    const extra = at + ENTRY.size + nameLength;
    const [size, stored, local] = this.wideFields(
      [this.u32(at + 24), this.u32(at + 20), this.u32(at + 42)],
      extra,
      extra + this.u16(at + 30),
    );
    this.expect(local, directoryBegin, LOCAL, `header of ${what}`);
    const begin = local + LOCAL.size + this.u16(local + 26) + this.u16(local + 28);
    const end = begin + stored;
    if (end > directoryBegin) {
      throw this.fail(`${what} lies at [${begin}, ${end}), the directory begins at ${directoryBegin}`);
    }
    if (this.text(local + LOCAL.size, this.u16(local + 26)) !== name) {
      throw this.fail(`${what} has another name at its beginning`);
    }
    const possible = method === STORED ? size === stored : size <= MAX_RATIO * stored;
    if (!possible) throw this.fail(`${what} of ${stored} bytes claims to hold ${size}`);
    return {
      name,
      deflated: method === DEFLATED,
      header: local,
      begin,
      end,
      size,
      checksum: this.u32(at + 16),
    };
  }

  /** Numbers that do not fit into four bytes are in the extra field with id 1, in this order. */
  private wideFields(fields: number[], begin: number, end: number): number[] {
    if (!fields.includes(0xffffffff)) return fields;
    for (let at = begin; at + 4 <= end; at += 4 + this.u16(at + 2)) {
      if (this.u16(at) !== 1) continue;
      const stop = Math.min(end, at + 4 + this.u16(at + 2));
      let next = at + 4;
      return fields.map((field) => {
        if (field !== 0xffffffff) return field;
        if (next + 8 > stop) throw this.fail(`the zip64 field at ${at} is too short`);
        next += 8;
        return this.u64(next - 8);
      });
    }
    return fields; // really this large: it will not fit
  }

  private checkOverlaps(): void {
    let last = 0;
    for (const { name, header, end } of [...this.records.values()].sort((a, b) => a.header - b.header)) {
      if (header < last) throw this.fail(`record ${describeValue(name)} overlaps another`);
      last = end;
    }
  }

  private expect(at: number, end: number, kind: { size: number; signature: number }, what: string): void {
    if (at >= 0 && at + kind.size <= end && this.u32(at) === kind.signature) return;
    throw this.fail(`expected the ${what} at ${at}`);
  }

  private text(at: number, length: number): string {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(this.bytes.subarray(at, at + length));
    } catch {
      throw this.fail(`the name at ${at} is not UTF-8`);
    }
  }

  private u16(at: number): number {
    return this.view.getUint16(at, true);
  }

  private u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  private u64(at: number): number {
    return Number(this.view.getBigUint64(at, true));
  }

  private fail(problem: string): GmrError {
    return new GmrError("invalid-data", `${this.name}: ${problem}`);
  }

  private unsupported(problem: string): GmrError {
    return new GmrError("unsupported", `${this.name}: ${problem}`);
  }
}
