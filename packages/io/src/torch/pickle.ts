// The pickle machine, as far as dictionaries of tensors need it (https://docs.python.org/3/library/pickle.html; each
// opcode is described in CPython's Lib/pickletools.py). A pickle is a program for a stack machine, and in Python it may
// call any function. Here it can only name and call what its host knows; anything else becomes inert objects that keep
// what they were given.
//
// Every opcode takes at least one byte of the file and makes a value no larger than the bytes and stack entries it
// consumes. So a pickle's memory is proportional to its length, up to the limits below.

import { describeValue, GmrError } from "@gmr-conv/core";

export type Scalar = number | bigint | string | boolean | null;

/** A value of the host: a class, a function, or the result of a call. */
export abstract class HostObject {
  /** The value's name in errors. */
  abstract readonly name: string;
}

/** A class or function unknown to the host. It is never called. */
export class OpaqueName extends HostObject {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

/** A placeholder for an object of such a class, or for the result of such a function. */
export class OpaqueObject extends HostObject {
  readonly name: string;
  readonly args: readonly PickleValue[];
  /** For classes that extend dictionaries. */
  readonly items: PickleDict = new Map();
  /** For classes that extend lists. */
  readonly list: PickleValue[] = [];

  constructor(name: string, args: readonly PickleValue[] = []) {
    super();
    this.name = name;
    this.args = args;
  }
}

export class ByteString extends HostObject {
  readonly name = "bytes";
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super();
    this.bytes = bytes;
  }
}

export class Tuple {
  readonly items: readonly PickleValue[];

  constructor(items: readonly PickleValue[]) {
    this.items = items;
  }
}

export type PickleDict = Map<Scalar, PickleValue>;
export type PickleValue = Scalar | PickleValue[] | Tuple | PickleDict | HostObject;

/** What a pickle can reach outside itself. All methods throw a GmrError for damaged input. */
export interface PickleHost {
  /** The class or function with this full name, such as `collections.OrderedDict`; an {@link OpaqueName} if unknown. */
  resolve(name: string): PickleValue;
  /** Must use a bounded amount of memory. */
  call(callee: PickleValue, args: readonly PickleValue[]): PickleValue;
  /** The object outside the pickle with this id. */
  load(id: PickleValue): PickleValue;
}

const MAX_BYTES = 2 ** 28;
const MAX_STEPS = 2 ** 23;
/** Lists, tuples, dictionaries and results of calls; a tensor takes eight. */
const MAX_OBJECTS = 2 ** 20;
const MAX_PROTOCOL = 5;
const MAX_NAME_BYTES = 200;
const MAX_INTEGER_BYTES = 128;
const STOP = 0x2e;
const NEWLINE = 0x0a;
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Opcodes of hostile pickles, or of other objects; messages name them. */
const REFUSED = new Map([
  [0x50, "PERSID"],
  [0x82, "EXT1"],
  [0x83, "EXT2"],
  [0x84, "EXT4"],
  [0x97, "NEXT_BUFFER"],
  [0x98, "READONLY_BUFFER"],
]);

/**
 * Runs the pickle that starts at `start`.
 * @param name name of the pickle in errors
 * @returns its value, and where it ends
 * @throws GmrError `invalid-data` if it is damaged; `unsupported` for opcodes that dictionaries of tensors do not need;
 *   and what `host` throws
 */
export function readPickle(
  bytes: Uint8Array,
  host: PickleHost,
  name: string,
  start = 0,
): { value: PickleValue; end: number } {
  return new Machine(bytes, host, name, start).run();
}

class Machine {
  private readonly view: DataView;
  private readonly stack: PickleValue[] = [];
  /** Heights of the stack at its marks. */
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private readonly bytes: Uint8Array;
  private readonly host: PickleHost;
  private readonly name: string;
  private at: number;
  private objects = 0;

  /** What each opcode does; STOP ends the run. */
  private readonly steps = new Map<number, () => void>([
    [0x80, () => this.checkProtocol(this.u8())], // PROTO
    [0x95, () => this.take(8)], // FRAME: its length, not needed here
    [0x28, () => this.marks.push(this.stack.length)], // MARK
    [0x30, () => this.pop()], // POP
    [0x31, () => this.popMark()], // POP_MARK
    [0x32, () => this.push(this.top())], // DUP

    [0x4e, () => this.push(null)], // NONE
    [0x88, () => this.push(true)], // NEWTRUE
    [0x89, () => this.push(false)], // NEWFALSE
    [0x4b, () => this.push(this.u8())], // BININT1
    [0x4d, () => this.push(this.view.getUint16(this.take(2), true))], // BININT2
    [0x4a, () => this.push(this.view.getInt32(this.take(4), true))], // BININT
    [0x8a, () => this.push(this.integer(this.u8()))], // LONG1
    [0x8b, () => this.push(this.integer(this.u32()))], // LONG4
    [0x47, () => this.push(this.view.getFloat64(this.take(8)))], // BINFLOAT
    [0x55, () => this.push(this.text(this.u8()))], // SHORT_BINSTRING
    [0x8c, () => this.push(this.text(this.u8()))], // SHORT_BINUNICODE
    [0x54, () => this.push(this.text(this.u32()))], // BINSTRING
    [0x58, () => this.push(this.text(this.u32()))], // BINUNICODE
    [0x8d, () => this.push(this.text(this.u64()))], // BINUNICODE8

    [0x43, () => this.pushBytes(this.u8())], // SHORT_BINBYTES
    [0x42, () => this.pushBytes(this.u32())], // BINBYTES
    [0x8e, () => this.pushBytes(this.u64())], // BINBYTES8
    [0x96, () => this.pushBytes(this.u64())], // BYTEARRAY8

    [0x29, () => this.pushObject(new Tuple([]))], // EMPTY_TUPLE
    [0x85, () => this.pushObject(new Tuple(this.popMany(1)))], // TUPLE1
    [0x86, () => this.pushObject(new Tuple(this.popMany(2)))], // TUPLE2
    [0x87, () => this.pushObject(new Tuple(this.popMany(3)))], // TUPLE3
    [0x74, () => this.pushObject(new Tuple(this.popMark()))], // TUPLE
    [0x5d, () => this.pushObject([])], // EMPTY_LIST
    [0x61, () => this.append(this.popMany(1))], // APPEND
    [0x65, () => this.append(this.popMark())], // APPENDS
    [0x7d, () => this.pushObject(new Map())], // EMPTY_DICT
    [0x73, () => this.setItems(this.popMany(2))], // SETITEM
    [0x75, () => this.setItems(this.popMark())], // SETITEMS
    [0x8f, () => this.pushObject(new OpaqueObject("set"))], // EMPTY_SET
    [0x90, () => this.addItems(this.popMark())], // ADDITEMS
    [0x91, () => this.replaceMark(new OpaqueObject("set"))], // FROZENSET

    [0x71, () => this.memo.set(this.u8(), this.top())], // BINPUT
    [0x72, () => this.memo.set(this.u32(), this.top())], // LONG_BINPUT
    [0x94, () => this.memo.set(this.memo.size, this.top())], // MEMOIZE
    [0x68, () => this.recall(this.u8())], // BINGET
    [0x6a, () => this.recall(this.u32())], // LONG_BINGET

    [0x63, () => this.push(this.host.resolve(`${this.line()}.${this.line()}`))], // GLOBAL
    [0x93, () => this.resolveTop()], // STACK_GLOBAL
    [0x51, () => this.push(this.host.load(this.pop()))], // BINPERSID
    [0x52, () => this.call()], // REDUCE
    [0x81, () => this.call()], // NEWOBJ: a class and its arguments
    [0x92, () => this.callWithNames()], // NEWOBJ_EX: the same and named arguments
    [0x69, () => this.make(this.host.resolve(`${this.line()}.${this.line()}`), this.popMark())], // INST
    [0x6f, () => this.makeOfMark()], // OBJ
    [0x62, () => this.build()], // BUILD
  ]);

  constructor(bytes: Uint8Array, host: PickleHost, name: string, start: number) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.bytes = bytes;
    this.host = host;
    this.name = name;
    this.at = start;
  }

  run(): { value: PickleValue; end: number } {
    const start = this.at;
    for (let steps = 0; steps < MAX_STEPS && this.at - start < MAX_BYTES; steps++) {
      const opcode = this.u8();
      if (opcode === STOP) {
        const value = this.pop();
        if (this.stack.length > 0 || this.marks.length > 0) throw this.fail("it ends with values left over");
        return { value, end: this.at };
      }
      const step = this.steps.get(opcode);
      if (!step) {
        const shown = REFUSED.get(opcode) ?? `0x${opcode.toString(16).padStart(2, "0")}`;
        throw this.unsupported(
          `it uses the pickle opcode ${shown}, which dictionaries of tensors do not need`,
        );
      }
      step();
    }
    throw this.fail(`it is longer than ${MAX_STEPS} steps or ${MAX_BYTES} bytes`);
  }

  private checkProtocol(version: number): void {
    if (version > MAX_PROTOCOL) throw this.unsupported(`it has pickle protocol ${version}, known are 2 to 5`);
  }

  private push(value: PickleValue): void {
    this.stack.push(value);
  }

  private pushObject(value: PickleValue): void {
    if (++this.objects > MAX_OBJECTS) throw this.fail(`it makes more than ${MAX_OBJECTS} objects`);
    this.stack.push(value);
  }

  private top(): PickleValue {
    this.checkHeight(this.stack.length - 1);
    return this.stack[this.stack.length - 1];
  }

  private pop(): PickleValue {
    return this.popMany(1)[0];
  }

  private checkHeight(height: number): void {
    if (height < (this.marks.at(-1) ?? 0)) throw this.fail("an opcode finds too few values on the stack");
  }

  private popMany(count: number): PickleValue[] {
    const height = this.stack.length - count;
    this.checkHeight(height);
    return this.stack.splice(height);
  }

  private popMark(): PickleValue[] {
    const height = this.marks.pop();
    if (height === undefined) throw this.fail("an opcode finds no mark on the stack");
    return this.stack.splice(height);
  }

  private append(items: PickleValue[]): void {
    const top = this.top();
    const list = top instanceof OpaqueObject ? top.list : top;
    if (!Array.isArray(list)) throw this.fail("it appends to something that is not a list");
    for (const item of items) list.push(item);
  }

  /** Items of sets are dropped. */
  private addItems(_items: PickleValue[]): void {
    if (!(this.top() instanceof OpaqueObject))
      throw this.fail("it adds items to something that is not a set");
  }

  private replaceMark(value: PickleValue): void {
    this.popMark();
    this.pushObject(value);
  }

  private setItems(items: PickleValue[]): void {
    const top = this.top();
    const dict = top instanceof OpaqueObject ? top.items : top;
    if (!(dict instanceof Map) || items.length % 2 !== 0) {
      throw this.fail("it sets items of something that is not a dictionary, or a key without a value");
    }
    for (let i = 0; i < items.length; i += 2) {
      const key = keyOf(items[i], dict);
      if (dict.has(key)) throw this.fail(`a dictionary has the key ${describeValue(key)} twice`);
      dict.set(key, items[i + 1]);
    }
  }

  private recall(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw this.fail(`it recalls value ${index}, which it has not stored`);
    this.push(value);
  }

  private resolveTop(): void {
    const [module, name] = this.popMany(2);
    if (typeof module !== "string" || typeof name !== "string") {
      throw this.fail("a class must be named by strings");
    }
    this.push(this.host.resolve(`${module}.${name}`));
  }

  private call(): void {
    const [callee, args] = this.popMany(2);
    if (!(args instanceof Tuple)) throw this.fail("the arguments of a call must be a tuple");
    this.make(callee, args.items);
  }

  private callWithNames(): void {
    this.pop();
    this.call();
  }

  private makeOfMark(): void {
    const [callee, ...args] = this.popMark();
    if (callee === undefined) throw this.fail("an object has no class");
    this.make(callee, args);
  }

  private make(callee: PickleValue, args: readonly PickleValue[]): void {
    this.pushObject(this.host.call(callee, args));
  }

  /** Attributes of the object on the stack; they are dropped. */
  private build(): void {
    this.pop();
    const object = this.top();
    if (object instanceof Map || object instanceof OpaqueObject) return;
    throw this.unsupported("it sets attributes of something that is not a dictionary");
  }

  /** A two's complement, little-endian integer. */
  private integer(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES) throw this.fail(`an integer of ${length} bytes is too long`);
    const begin = this.take(length);
    let value = 0n;
    for (let i = begin + length - 1; i >= begin; i--) value = (value << 8n) | BigInt(this.bytes[i]);
    value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  private text(length: number): string {
    const begin = this.take(length);
    try {
      return UTF8.decode(this.bytes.subarray(begin, begin + length));
    } catch {
      throw this.fail("a string is not UTF-8");
    }
  }

  private line(): string {
    const end = this.bytes.subarray(this.at, this.at + MAX_NAME_BYTES).indexOf(NEWLINE);
    if (end < 0) throw this.fail(`the name of a class has no end in ${MAX_NAME_BYTES} bytes`);
    const text = this.text(end);
    this.take(1);
    return text;
  }

  private u8(): number {
    return this.bytes[this.take(1)];
  }

  private pushBytes(length: number): void {
    const begin = this.take(length);
    this.pushObject(new ByteString(this.bytes.subarray(begin, begin + length)));
  }

  private u64(): number {
    return Number(this.view.getBigUint64(this.take(8), true));
  }

  private u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  /** Skips `length` bytes and returns where they start. */
  private take(length: number): number {
    const begin = this.at;
    if (length > this.bytes.length - begin) {
      throw this.fail(`it needs ${length} more bytes, there are ${this.bytes.length - begin}`);
    }
    this.at += length;
    return begin;
  }

  private fail(problem: string): GmrError {
    return new GmrError("invalid-data", `${this.name}: ${problem} (byte ${this.at} of the pickle)`);
  }

  private unsupported(problem: string): GmrError {
    return new GmrError("unsupported", `${this.name}: ${problem} (byte ${this.at} of the pickle)`);
  }
}

/** Bounds the text of a key, and the depth of tuples in it. */
const MAX_KEY = 100;
const MAX_KEY_DEPTH = 4;

/**
 * A key of a dictionary: numbers and strings unchanged; for tuples and objects a unique text, close to what Python
 * prints.
 */
function keyOf(key: PickleValue, dict: PickleDict): Scalar {
  if (typeof key !== "object" || key === null) return key;
  const text = keyText(key, 0);
  for (let i = 2, unique = text; ; unique = `${text}#${i++}`) if (!dict.has(unique)) return unique;
}

function keyText(key: PickleValue, depth: number): string {
  if (key instanceof Tuple && depth < MAX_KEY_DEPTH) {
    const items = key.items.slice(0, MAX_KEY).map((item) => keyText(item, depth + 1));
    return `(${items.join(", ")})`.slice(0, MAX_KEY);
  }
  if (key instanceof HostObject) return key.name;
  return typeof key === "object" && key !== null ? "(…)" : String(key).slice(0, MAX_KEY);
}
