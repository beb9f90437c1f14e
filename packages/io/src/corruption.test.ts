// Damaged and hostile files. Each must be rejected with a GmrError, in little memory.

import { readdirSync, readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { GmrError } from "@gmr-conv/core";
import { unzipSync, zlibSync } from "fflate";
import { describe, expect, it } from "vitest";
import {
  checkpoint,
  integer,
  integers,
  latin1,
  little,
  patched,
  safetensors,
  tensor,
  text,
  tuple,
  utf8,
  withEntry,
  zip,
} from "../testing/hostile.ts";
import { readSafetensors } from "./safetensors.ts";
import { readTorch } from "./torch/index.ts";

/**
 * Memory that a rejected file may take, garbage included: the 32 MiB of names that flatten() makes of nested lists take
 * some 100 MB in the engine; a pickle makes objects of up to 200 bytes from one byte.
 */
const MEMORY = { any: 128e6, perByte: 200 };

type Reader = (bytes: Uint8Array) => unknown;
const wholeTorch: Reader = (bytes) => readTorch(bytes, "x.pth", { at: "" });
const FIXTURES = new URL("../fixtures/", import.meta.url);

const OFFICIAL = new URL("../../../tooling/fixtures/official/", import.meta.url);

const files = [
  ...readdirSync(FIXTURES).map((name) => new URL(name, FIXTURES)),
  ...["pth", "safetensors"].map((ending) => new URL(`gmr_resnet18_w8.weights.${ending}`, OFFICIAL)),
];
const fixtures = files
  .filter(({ pathname }) => /\.(pth|safetensors)$/.test(pathname))
  .map((file) => ({
    name: file.pathname.slice(file.pathname.lastIndexOf("/") + 1),
    bytes: Uint8Array.from(readFileSync(file)),
    read: file.pathname.endsWith(".pth") ? wholeTorch : readSafetensors,
  }));
const archives = fixtures.filter(({ bytes }) => bytes[0] === 0x50);

/** The same positions on every run. */
function randomIntegers(count: number, below: number): number[] {
  let state = 12345;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  });
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[bit >> 3] ^= 1 << (bit & 7);
  return changed;
}

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

function memoryInUse(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const counts = { refused: 0, harmless: 0 };

/** What a reader throws, or undefined. Counts errors. */
function errorOf(read: Reader, bytes: Uint8Array): unknown {
  try {
    read(bytes);
    counts.harmless++;
    return undefined;
  } catch (error) {
    counts.refused++;
    return error;
  }
}

/** Expects a reader to reject these bytes without taking much memory. */
function expectRefused(read: Reader, bytes: Uint8Array, message: string | RegExp): void {
  collectGarbage();
  const before = memoryInUse();
  const error = errorOf(read, bytes);
  expect(memoryInUse() - before).toBeLessThan(MEMORY.any + MEMORY.perByte * bytes.length);
  expect(error).toBeInstanceOf(GmrError);
  expect(error).toMatchObject({ message: expect.stringMatching(message) });
  expect(String(error)).not.toContain("\n");
}

describe("damage", () => {
  it.each(fixtures)("truncated to 20 lengths: $name", ({ bytes, read }) => {
    for (const length of randomIntegers(20, bytes.length)) {
      expect(errorOf(read, bytes.subarray(0, length)), `${length} bytes`).toBeInstanceOf(GmrError);
    }
  });

  it.each(fixtures)("one bit in 100 places: $name", ({ bytes, read }) => {
    for (const bit of randomIntegers(100, 8 * bytes.length)) {
      const error = errorOf(read, flipped(bytes, bit));
      if (error !== undefined) expect(error, `bit ${bit}`).toBeInstanceOf(GmrError);
    }
  });

  it.each(archives)("5 bits of a record, detected by its checksum: $name", ({ bytes, read }) => {
    const [pickle] = Object.entries(unzipSync(bytes)).filter(([record]) => record.endsWith("/data.pkl"));
    const begin = Buffer.from(bytes).indexOf(pickle[1]);
    for (const bit of randomIntegers(5, 8 * pickle[1].length)) {
      expectRefused(
        read,
        flipped(bytes, 8 * begin + bit),
        /"[^"]*data\.pkl" is damaged: its checksum is wrong/,
      );
    }
  });

  it.each(archives)("one bit in 100 places of a pickle with the right checksum: $name", ({ bytes, read }) => {
    const records = unzipSync(bytes);
    const [pickle] = Object.keys(records).filter((name) => name.endsWith("data.pkl"));
    for (const bit of randomIntegers(100, 8 * records[pickle].length)) {
      const error = errorOf(read, zip({ ...records, [pickle]: flipped(records[pickle], bit) }));
      if (error !== undefined) expect(error, `bit ${bit}`).toBeInstanceOf(GmrError);
    }
  });
});

/** A list that contains another `width` times, which contains another as often, and so on. */
function laughs(depth: number, width: number): string {
  const put = (level: number) => `q${String.fromCharCode(level)}`;
  const get = (level: number) => `h${String.fromCharCode(level)}`;
  const levels = Array.from({ length: depth }, (_, i) => `0](${get(i).repeat(width)}e${put(i + 1)}`);
  return `N${put(0)}${levels.join("")}`;
}

describe("hostile pickles", () => {
  it.each<[string, string, RegExp]>([
    ["GLOBAL of os", `cposix\nsystem\n${tuple(text("ls"))}R`, /refers to "posix\.system", which is not/],
    ["GLOBAL of nt", `cnt\nsystem\n${tuple(text("ls"))}R`, /refers to "nt\.system"/],
    ["a builtin", `c__builtin__\neval\n${tuple(text("1"))}R`, /refers to "__builtin__\.eval"/],
    ["a builtin of Python 3", `cbuiltins\nexec\n${tuple(text("1"))}R`, /refers to "builtins\.exec"/],
    ["a part of torch", `ctorch\nload\n${tuple(text("x"))}R`, /refers to "torch\.load"/],
    [
      "a part of a known name",
      "ccollections.OrderedDict\nfromkeys\n",
      /refers to "collections\.OrderedDict\.fromkeys"/,
    ],
    ["a dotted name", "ctorch\n_utils._rebuild_tensor_v2.__globals__\n", /__globals__/],
    ["a name like a prototype's", "c\n__proto__\n", /refers to "\.__proto__"/],
    ["an object's property", "cconstructor\nprototype\n", /refers to "constructor\.prototype"/],
    [
      "STACK_GLOBAL",
      `${text("posix")}${text("system")}\x93${tuple(text("ls"))}R`,
      /refers to "posix\.system"/,
    ],
    ["STACK_GLOBAL of numbers", "K\x01K\x02\x93", /must be named by strings/],
    ["STACK_GLOBAL of too little", "\x93", /too few values/],
    ["GLOBAL without an end", `c${"a".repeat(5000)}`, /has no end in 200 bytes/],
    ["GLOBAL that is not UTF-8", "c\xff\xfe\nx\n", /not UTF-8/],
    ["INST", "(iposix\nsystem\n", /refers to "posix\.system"/],
    ["OBJ", "(cposix\nsystem\no", /posix\.system/],
    ["OBJ without a class", "(o", /has no class/],
    ["NEWOBJ", "cposix\nsystem\n)\x81", /refers to "posix\.system"/],
    ["NEWOBJ_EX", "cposix\nsystem\n)}\x92", /refers to "posix\.system"/],
    ["NEWOBJ without a tuple", "cposix\nsystem\n]\x81", /must be a tuple/],
    ["NEWOBJ_EX with too little", "cposix\nsystem\n)\x92", /too few values/],
    ["an object that is its own entry", `cposix\nsystem\n)\x81q\x01${text("k")}h\x01s`, /contains itself/],
    ["an object in its own list", "cposix\nsystem\n)\x81q\x01h\x01a", /contains itself/],
    ["EXT1", "\x82\x01", /opcode EXT1/],
    ["EXT2", "\x83\x01\x00", /opcode EXT2/],
    ["EXT4", "\x84\x01\x00\x00\x00", /opcode EXT4/],
    ["PERSID", "Pabc\n", /opcode PERSID/],
    ["a set", "\x8f", /refers to "set"/],
    ["a frozen set", "(\x91", /refers to "set"/],
    ["bytes", "C\x01a", /refers to "bytes"/],
    ["BINBYTES of 4 GB", "B\xff\xff\xff\xffabc", /needs 4294967295 more bytes/],
    ["BINBYTES8 of 2^63", "\x8e\x00\x00\x00\x00\x00\x00\x00\x80abc", /more bytes/],
    ["BYTEARRAY8 of 2^63", "\x96\x00\x00\x00\x00\x00\x00\x00\x80abc", /more bytes/],
    ["a buffer", "\x97", /opcode NEXT_BUFFER/],
    ["an unknown opcode", "\xfe", /opcode 0xfe/],
    ["BUILD of a tensor", `${tensor()}}b`, /sets attributes/],
    ["BUILD of a class", "ccollections\nOrderedDict\n}b", /sets attributes/],
    ["a call of a class's name", "ctorch\nFloatStorage\n)R", /calls torch\.FloatStorage, which is not/],
    ["a call of a dtype", "ctorch\nfloat32\n)R", /calls torch\.float32/],
    ["a call of a number", "K\x01)R", /calls a value/],
    ["a call of a tensor", `${tensor()})R`, /calls a tensor/],
    ["a call without a tuple", "ccollections\nOrderedDict\n]R", /must be a tuple/],
    ["an OrderedDict of pairs", "ccollections\nOrderedDict\n](K\x01K\x02\x86e\x85R", /made of something/],
    ["a size of a list", "ctorch\nSize\n]\x85R", /not made of a tuple/],
    ["a parameter of nothing", "ctorch._utils\n_rebuild_parameter\n)R", /not made of a tensor/],
    ["a parameter of a number", "ctorch._utils\n_rebuild_parameter\nK\x01\x85R", /not made of a tensor/],

    ["a list in itself", "]q\x01h\x01a", /nested more than 64 deep, or contains itself/],
    ["a dictionary in itself", `}q\x01${text("k")}h\x01s`, /contains itself/],
    ["two lists in each other", "]q\x01]q\x02h\x01ah\x02a", /contains itself|left over/],
    ["a tuple in its list", "]q\x01h\x01\x85a", /contains itself/],
    ["lists 100,000 deep", `${"]".repeat(100_000)}${"a".repeat(99_999)}`, /nested more than 64 deep/],
    ["tuples 100,000 deep", `)${"\x85".repeat(100_000)}`, /nested more than 64 deep/],
    ["a billion laughs", laughs(20, 10), /contain others too often/],
    ["laughs of two", laughs(60, 2), /contain others too often/],
    ["a long key over many entries", `}${text("k".repeat(100_000))}](${"N".repeat(100_000)}es`, /too often/],

    ["LONG1 with too little", "\x8a\xff\x01", /needs 255 more bytes|too long/],
    ["LONG4 of 2 GB", "\x8b\xff\xff\xff\x7f", /integer of 2147483647 bytes is too long/],
    ["LONG4 of negative length", "\x8b\xff\xff\xff\xff", /too long/],
    ["LONG1 of 200 bytes", `\x8a\xc8${"\x01".repeat(200)}`, /integer of 200 bytes is too long/],
    ["BINUNICODE of 4 GB", "X\xff\xff\xff\xffabc", /needs 4294967295 more bytes/],
    ["BINUNICODE8 of 2^63", "\x8d\x00\x00\x00\x00\x00\x00\x00\x80abc", /more bytes/],
    ["BINSTRING of 2 GB", "T\xff\xff\xff\x7fabc", /needs 2147483647 more bytes/],
    ["SHORT_BINUNICODE with too little", "\x8c\xffabc", /needs 255 more bytes/],
    ["a string that is not UTF-8", "X\x02\x00\x00\x00\xc3\x28", /not UTF-8/],
    ["BINFLOAT with too little", "G\x00", /more bytes/],
    ["protocol 9", "\x80\x09", /pickle protocol 9/],
    ["a frame with too little", "\x95\x00", /more bytes/],

    ["an empty stack", "0", /too few values/],
    ["below a mark", "K\x01(a", /too few values/],
    ["POP_MARK without a mark", "1", /no mark/],
    ["TUPLE without a mark", "t", /no mark/],
    ["APPEND to a number", "K\x01K\x02a", /not a list/],
    ["APPENDS to a tuple", ")(K\x02e", /not a list/],
    ["SETITEM of a list", "]K\x02K\x03s", /not a dictionary/],
    ["SETITEMS of an odd number", "}(K\x02u", /without a value/],
    ["a key of 2^34 tuples", `})${"2\x86".repeat(34)}K\x01s${text("w")}cposix\nx\ns`, /refers to "posix\.x"/],
    [
      "a key 30,000 tuples deep",
      `})${"\x85".repeat(30_000)}K\x01s${text("w")}cposix\nx\ns`,
      /refers to "posix\.x"/,
    ],
    [
      "a device of a list of 2^34 lists",
      `ctorch\ndevice\n]${"2\x86".repeat(34)}\x85R`,
      /refers to "torch\.device"/,
    ],
    [
      "a tensor rebuilt by its rebuilding",
      `${"ctorch._tensor\n_rebuild_from_type_v2\n(".repeat(5000)}${"Nt".repeat(5000)}`,
      /left over|too few/,
    ],
    [
      "many sets of one list",
      `](${"N".repeat(100_000)}eq\x010](${"c__builtin__\nset\nh\x01\x85R".repeat(2000)}e`,
      /refers to "set"/,
    ],
    [
      "many bytes of one text",
      `${text("x".repeat(1_000_000))}q\x010](${`c_codecs\nencode\nh\x01${text("latin1")}\x86R`.repeat(2000)}e`,
      /refers to "bytes"/,
    ],
    ["a key twice", "}(K\x01K\x02K\x01K\x03u", /key 1 twice/],
    ["BINGET of nothing", "h\x07", /recalls value 7/],
    ["LONG_BINGET of nothing", "j\xff\xff\xff\xff", /recalls value 4294967295/],
    ["BINPUT of nothing", "q\x00", /too few values/],
    ["MEMOIZE of nothing", "(\x94", /too few values/],
    ["values left over", "K\x01K\x02", /left over/],
    ["a mark left over", "K\x01(", /left over|too few/],
    [
      "two equal names",
      `}(${text("a.b")}K\x01${text("a")}}${text("b")}K\x02su`,
      /two entries are named "a\.b"/,
    ],
    ["a number and its text", `}(${text("1")}N${"K\x01"}Nu`, /two entries are named "1"/],
  ])("%s", (_, pickle, message) => {
    expectRefused(wholeTorch, checkpoint(`\x80\x02${pickle}.`), message);
  });

  it("no STOP", () => {
    expectRefused(wholeTorch, checkpoint("\x80\x02}"), /needs 1 more bytes, there are 0/);
    expectRefused(wholeTorch, checkpoint(""), /needs 1 more bytes/);
  });

  it("more objects than any checkpoint has", () => {
    expectRefused(wholeTorch, checkpoint(`(${"]".repeat(2 ** 20 + 1)}l.`), /more than 1048576 objects/);
    expectRefused(wholeTorch, checkpoint(`${"N0".repeat(2 ** 22)}N.`), /longer than 8388608 steps/);
  });
});

describe("hostile tensors", () => {
  const huge = 2n ** 62n;
  it.each<[string, string, RegExp]>([
    ["a negative size", tensor({ shape: integers([-1]) }), /not a tuple of at most 64 sizes/],
    ["a size of 2^62", tensor({ shape: integers([huge]) }), /not a tuple of/],
    ["a size of 1.5", tensor({ shape: "G\x3f\xf8\x00\x00\x00\x00\x00\x00\x85" }), /not a tuple of/],
    ["a size that is true", tensor({ shape: "\x88\x85" }), /not a tuple of/],
    ["a size that is text", tensor({ shape: tuple(text("1")) }), /not a tuple of/],
    ["a list of sizes", tensor({ shape: `]${integer(1)}a` }), /not a tuple of/],
    ["no sizes", tensor({ shape: "N" }), /not a tuple of/],
    ["more than its storage", tensor({ shape: integers([2]) }), /does not lie in its storage of 4 bytes/],
    ["2^52 of them", tensor({ shape: integers([2 ** 52]) }), /does not lie in/],
    [
      "sizes whose product overflows to 0",
      tensor({ shape: integers([2 ** 32, 2 ** 32]), strides: integers([1, 1]) }),
      /does not lie in/,
    ],
    [
      "sizes whose product is infinite",
      tensor({ shape: integers(Array(64).fill(2 ** 52)), strides: integers(Array(64).fill(0)) }),
      /take Infinity bytes, more than the 67108864 allowed/,
    ],
    [
      "65 axes",
      tensor({ shape: integers(Array(65).fill(1)), strides: integers(Array(65).fill(1)) }),
      /at most 64/,
    ],
    ["a negative stride", tensor({ strides: integers([-1]) }), /strides that are not 1 sizes/],
    ["too many strides", tensor({ strides: integers([1, 1]) }), /strides that are not 1 sizes/],
    ["too few strides", tensor({ strides: ")" }), /strides that are not 1 sizes/],
    ["no strides", tensor({ strides: "N" }), /strides that are not/],
    ["a far stride", tensor({ shape: integers([2]), strides: integers([2 ** 50]) }), /does not lie in/],
    ["a far stride of an axis of 0", tensor({ shape: integers([0]), offset: integer(2) }), /does not lie in/],
    ["a negative offset", tensor({ offset: integer(-1) }), /offset is not a size/],
    ["a far offset", tensor({ offset: integer(1) }), /does not lie in/],
    ["an offset of 2^62", tensor({ offset: integer(huge) }), /offset is not a size/],
    ["no offset", tensor({ offset: "N" }), /offset is not a size/],
    [
      "one number 2^40 times",
      tensor({ shape: integers([2 ** 40]), strides: integers([0]) }),
      /more than the 67108864/,
    ],
    [
      "one number 10^9 times",
      tensor({ shape: integers([1000, 1000, 1000]), strides: integers([0, 0, 0]) }),
      /take 4000000000 bytes/,
    ],
    ["a storage of another size", tensor({ count: integer(2) }), /storage "0" has 4 bytes, expected 8/],
    ["a storage of negative size", tensor({ count: integer(-1) }), /no key or no size/],
    ["a storage of 2^62", tensor({ count: integer(huge) }), /no key or no size/],
    ["a missing storage", tensor({ key: text("1") }), /no record "a\/data\/1"/],
    ["a storage outside", tensor({ key: text("../data.pkl") }), /no record "a\/data\/\.\.\/data\.pkl"/],
    ["a storage without key", tensor({ key: "N" }), /no key or no size/],
    ["a class for a storage's", tensor({ storage: "ccollections\nOrderedDict\n" }), /not a storage/],
    ["a name for a storage's class", tensor({ storage: text("FloatStorage") }), /not a storage/],
    ["a quantised storage", tensor({ storage: "ctorch\nQInt8Storage\n" }), /refers to "torch\.QInt8Storage"/],
    ["complex numbers", tensor({ storage: "ctorch\nComplexFloatStorage\n" }), /ComplexFloatStorage/],
    [
      "bytes without a type",
      tensor({ storage: "ctorch.storage\nUntypedStorage\n", count: integer(4) }),
      /no element type/,
    ],
    [
      "a storage of two types",
      `](${tensor()}${tensor({ storage: "ctorch\nIntStorage\n" })}e`,
      /two types or sizes/,
    ],
    ["attributes", tensor({ rest: `\x89N}${text("neg")}\x88s` }), /refers to "a tensor with attributes"/],
    ["a tensor of nothing", "ctorch._utils\n_rebuild_tensor_v2\n)R", /has no storage/],
    ["a tensor of a tensor", `ctorch._utils\n_rebuild_tensor_v2\n${tensor()}\x85R`, /has no storage/],
    ["another id", `${tuple(text("module"), text("x"))}Q`, /not a storage/],
    ["an id that is a number", "K\x01Q", /not a storage/],
    ["a sparse tensor", "ctorch._utils\n_rebuild_sparse_tensor\n", /_rebuild_sparse_tensor/],
    [
      "a thousand tensors of one storage",
      `](${tensor({ shape: integers([2 ** 16]), strides: integers([0]) }).repeat(1000)}e`,
      /take 262144000 bytes/,
    ],
  ])("%s", (_, value, message) => {
    expectRefused(wholeTorch, withEntry(value), message);
  });
});

describe("hostile archives", () => {
  const good = withEntry(tensor());
  const deflated = zip(
    {
      "a/data.pkl": latin1(`\x80\x02}${text("x")}${tensor({ count: integer(10000) })}s.`),
      "a/data/0": new Uint8Array(40000),
    },
    9,
  );
  const entry = "PK\x01\x02";
  const end = "PK\x05\x06";
  const bomb = zip({ "a/data.pkl": new Uint8Array(2 ** 20), "a/data/0": new Uint8Array(2 ** 27) }, 9);

  it("are accepted before they are changed", () => {
    expect(readTorch(good).tensors.get("x")).toEqual({ shape: [1], data: Float32Array.of(0) });
    expect(readTorch(deflated).tensors.get("x")).toEqual({ shape: [1], data: Float32Array.of(0) });
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(), /neither a zip archive nor a pickle/],
    ["two letters", latin1("PK"), /no zip directory/],
    ["zeros", new Uint8Array(1000), /neither a zip archive/],
    ["a tar file", latin1(`${"\x00".repeat(257)}ustar${"\x00".repeat(250)}`), /PyTorch 0\.1/],
    ["no records", zip({}), /neither|0 records FOLDER\/data\.pkl/],
    ["no pickle", zip({ "a/data/0": new Uint8Array(4) }), /0 records FOLDER\/data\.pkl/],
    ["two pickles", zip({ "a/data.pkl": latin1("N."), "b/data.pkl": latin1("N.") }), /2 records FOLDER/],
    ["a big-endian file", checkpoint("N.", { "a/byteorder": utf8("big") }), /byte order is "big"/],
    [
      "an unknown byte order",
      checkpoint("N.", { "a/byteorder": utf8("x".repeat(1000)) }),
      /byte order is "xxx/,
    ],
    ["compressed zeros", bomb, /inflate to 13526\d+ bytes, more than the 67108864/],
    ["a bomb of stored bytes", patched(good, entry, 24, 0xfffffff0, 4), /claims to hold 4294967280/],
    ["a record with a lying size", patched(good, entry, 24, 5, 4), /of 4 bytes claims to hold 5/],
    ["an impossible ratio", patched(deflated, entry, 24, 60_000_000, 4), /claims to hold 60000000/],
    ["an inflated size too large", patched(deflated, entry, 24, 40001, 4), /does not inflate to 40001 bytes/],
    ["an inflated size too small", patched(deflated, entry, 24, 39999, 4), /does not inflate to 39999/],
    ["an inflated size of 0", patched(deflated, entry, 24, 0, 4), /does not inflate to 0/],
    ["a compressed size too small", patched(deflated, entry, 20, 10, 4), /does not inflate|claims/],
    ["a record of negative size", patched(good, entry, 20, 0xffffffff, 4), /claims to hold|lies at/],
    ["a record beyond the directory", patched(good, entry, 42, 0x10000, 4), /header of record/],
    ["a record in the middle of another", patched(good, entry, 42, 40, 4), /header of record/],
    ["a record twice", patched(good, entry, 42, 0, 4), /another name at its beginning/],
    ["a wrong checksum", patched(good, entry, 16, 1, 4), /checksum is wrong/],
    ["an encrypted record", patched(good, entry, 8, 1, 2), /is encrypted/],
    ["another compression", patched(good, entry, 10, 99, 2), /compression method 99/],
    ["bzip2", patched(good, entry, 10, 12, 2), /compression method 12/],
    ["deflated bytes that are not", patched(good, entry, 10, 8, 2), /does not inflate to 4 bytes/],
    ["a name of 65,535 bytes", patched(good, entry, 28, 0xffff, 2), /longer than the directory/],
    ["an extra field of 65,535 bytes", patched(good, entry, 30, 0xffff, 2), /longer than the directory/],
    ["a comment of 65,535 bytes", patched(good, entry, 32, 0xffff, 2), /longer than the directory/],
    ["an entry without signature", patched(good, entry, 0, 0, 4), /expected the directory entry/],
    ["a name that is not UTF-8", patched(good, entry, 46, 0xff, 1), /not UTF-8/],
    ["a local name of another record", patched(good, "a/data/0", 7, 0x31, 1, true), /another name/],
    ["a local name too long", patched(good, "PK\x03\x04", 26, 0xffff, 2), /lies at/],
    ["60,000 records", patched(good, end, 10, 60000, 2), /claims a directory of 60000 records/],
    ["three records", patched(good, end, 10, 3, 2), /claims a directory|expected the directory entry/],
    ["a directory of 4 GB", patched(good, end, 12, 0xfffffffe, 4), /claims a directory/],
    ["a directory after its end", patched(good, end, 16, 0xfffffffe, 4), /claims a directory/],
    ["a directory at 0", patched(good, end, 16, 0, 4), /expected the directory entry at 0/],
    ["a zip64 directory that is missing", patched(good, end, 16, 0xffffffff, 4), /zip64 locator/],
    ["a zip64 count that is missing", patched(good, end, 10, 0xffff, 2), /zip64 locator/],
    ["a comment that is missing", patched(good, end, 20, 7, 2), /no zip directory/],
    ["a file and another file", Uint8Array.from([...good, ...zlibSync(good)]), /no zip directory/],
  ])("%s", (_, bytes, message) => {
    expectRefused(wholeTorch, bytes, message);
  });

  it("two records of one name", () => {
    const two = zip({ "a/data.pkl": latin1("N."), "a/data.pkk": latin1("N.") });
    const both = patched(patched(two, "a/data.pkk", 9, 0x6c, 1), "a/data.pkk", 9, 0x6c, 1);
    expectRefused(wholeTorch, both, /two records "a\/data\.pkl"/);
  });

  it("records that overlap", () => {
    const text = "PK\x03\x04";
    const inner = zip({ b: latin1("x") });
    const outer = zip({ a: inner, b: latin1("x") });
    // The second entry now points to the record inside the first.
    expectRefused(
      wholeTorch,
      patched(outer, entry, 42, Buffer.from(outer).indexOf(text, 4, "latin1"), 4),
      /overlaps/,
    );
  });

  it("zip64 records that lie elsewhere", () => {
    const locator = `PK\x06\x07${little(0, 4)}${little(2n ** 63n, 8)}${little(1, 4)}`;
    const at = Buffer.from(good).lastIndexOf(end, undefined, "latin1");
    const bytes = [
      ...good.subarray(0, at),
      ...latin1(locator),
      ...patched(good, end, 16, 0xffffffff, 4).subarray(at),
    ];
    expectRefused(wholeTorch, Uint8Array.from(bytes), /expected the zip64 end record/);
  });
});

describe("hostile old checkpoints", () => {
  const magic = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
  const version = "\x80\x02M\xe9\x03.";
  const machine = `\x80\x02}${text("little_endian")}\x88s.`;
  const start = magic + version + machine;
  const id = tuple(text("storage"), "ctorch\nFloatStorage\n", text("k"), text("cpu"), "K\x01", "N");
  const one = `\x80\x02ctorch._utils\n_rebuild_tensor_v2\n${tuple(`${id}Q`, "K\x00", ")", ")", "\x89", "N")}R.`;
  const keys = `\x80\x02]${text("k")}a.`;

  it("are accepted before they are changed", () => {
    const bytes = latin1(`${start}${one}${keys}${little(1, 8)}\x00\x00\x80\x3f`);
    expect(readTorch(bytes).tensors.get("")).toEqual({ shape: [], data: Float32Array.of(1) });
  });

  it.each<[string, string, RegExp]>([
    ["another pickle", "\x80\x02N.", /not one of torch\.save/],
    ["only the magic number", magic, /needs 1 more bytes/],
    ["another version", `${magic}\x80\x02K\x01.`, /not one of torch\.save/],
    [
      "a big-endian machine",
      `${magic}${version}\x80\x02}${text("little_endian")}\x89s.`,
      /not little-endian/,
    ],
    ["no machine", `${magic}${version}\x80\x02N.`, /not little-endian/],
    ["os.system", `${start}\x80\x02cposix\nsystem\n.`, /posix\.system|more bytes/],
    ["no keys", `${start}${one}\x80\x02N.`, /not a list/],
    ["an unknown key", `${start}${one}\x80\x02]${text("j")}a.`, /not those of its tensors/],
    ["a key that is a number", `${start}${one}\x80\x02]K\x01a.`, /not those of its tensors/],
    ["a key twice", `${start}${one}\x80\x02](${text("k")}${text("k")}e.${little(1, 8)}abcd`, /not those of/],
    ["no storages", `${start}${one}${keys}`, /-1 elements in 4 bytes/],
    ["a storage of 2^62", `${start}${one}${keys}${little(2n ** 62n, 8)}abcd`, /4611686018427388000 elements/],
    ["a storage of -1", `${start}${one}${keys}${little(-1n, 8)}abcd`, /-1 elements/],
    ["a short storage", `${start}${one}${keys}${little(1, 8)}abc`, /storages end at/],
    ["more than its storages", `${start}${one}${keys}${little(1, 8)}abcde`, /storages end at/],
    ["a storage left out", `${start}${one}\x80\x02].`, /storage "k" is missing/],
    [
      "a view",
      `${start}\x80\x02${tuple(text("storage"), "ctorch\nFloatStorage\n", text("k"), text("cpu"), "K\x01", ")")}Q.`,
      /view of another/,
    ],
  ])("%s", (_, bytes, message) => {
    expectRefused(wholeTorch, latin1(bytes), message);
  });
});

describe("hostile safetensors files", () => {
  const f32 = (begin: number, end: number, shape = `[${(end - begin) / 4}]`) =>
    `{"dtype":"F32","shape":${shape},"data_offsets":[${begin},${end}]}`;

  it.each<[string, string, RegExp]>([
    [
      "overlapping tensors",
      `{"a":${f32(0, 12)},"b":${f32(8, 16)}}`,
      /"b" begins at 8, the one before it ends at 12/,
    ],
    [
      "the same bytes twice",
      `{"a":${f32(0, 16)},"b":${f32(0, 16)}}`,
      /begins at 0, the one before it ends at 16/,
    ],
    ["a gap", `{"a":${f32(0, 4)},"b":${f32(8, 16)}}`, /"b" begins at 8, the one before it ends at 4/],
    ["bytes before", `{"a":${f32(4, 16)}}`, /"a" begins at 4/],
    ["bytes behind", `{"a":${f32(0, 12)}}`, /end at 12, the file has 16/],
    ["bytes of no tensor", "{}", /end at 0, the file has 16/],
    ["a tensor beyond the end", `{"a":${f32(0, 20)}}`, /lies at \[0, 20\) of 16/],
    ["a tensor far beyond", `{"a":${f32(0, 2 ** 52)}}`, /lies at/],
    [
      "offsets beyond 2^53",
      '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,1e300]}}',
      /expected \[begin, end\]/,
    ],
    ["turned offsets", '{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}', /lies at \[16, 0\)/],
    [
      "a negative offset",
      '{"a":{"dtype":"F32","shape":[4],"data_offsets":[-16,0]}}',
      /expected \[begin, end\]/,
    ],
    ["a product beyond 2^64", `{"a":${f32(0, 16, "[4294967296,4294967297]")}}`, /lies at/],
    ["a product that wraps to 4", `{"a":${f32(0, 16, "[4611686018427387905,4]")}}`, /expected sizes/],
    ["an infinite product", `{"a":${f32(0, 16, `[${Array(99).fill(2 ** 52)}]`)}}`, /needs Infinity/],
    ["an infinite product times 0", `{"a":${f32(0, 16, `[${Array(99).fill(2 ** 52)},0]`)}}`, /needs 0/],
    ["a fractional size", `{"a":${f32(0, 16, "[1.5]")}}`, /expected sizes/],
    ["a size that is null", `{"a":${f32(0, 16, "[null]")}}`, /expected sizes/],
    ["a name twice", `{"a":${f32(0, 16)},"a":${f32(0, 16)}}`, /the header names "a" twice/],
    ["a name twice, once escaped", `{"a":${f32(0, 8)},"\\u0061":${f32(8, 16)}}`, /names "a" twice/],
    [
      "a dtype twice",
      '{"a":{"dtype":"F32","dtype":"I32","shape":[4],"data_offsets":[0,16]}}',
      /names "dtype" twice/,
    ],
    ["metadata twice", `{"__metadata__":{},"__metadata__":{},"a":${f32(0, 16)}}`, /"__metadata__" twice/],
    [
      "metadata that is a number",
      `{"__metadata__":{"a":1},"a":${f32(0, 16)}}`,
      /metadata "a" must be a string/,
    ],
    ["metadata that is a list", `{"__metadata__":[],"a":${f32(0, 16)}}`, /must be an object/],
    ["a tensor that is a list", '{"a":[]}', /"a" must be an object/],
    ["a tensor that is null", '{"a":null}', /"a" must be an object/],
    ["no dtype", '{"a":{"shape":[4],"data_offsets":[0,16]}}', /has type undefined/],
    [
      "an inherited dtype",
      '{"a":{"__proto__":{"dtype":"F32"},"shape":[4],"data_offsets":[0,16]}}',
      /has type undefined/,
    ],
    [
      "a type of a prototype",
      '{"a":{"dtype":"constructor","shape":[4],"data_offsets":[0,16]}}',
      /has type "constructor"/,
    ],
    ["a header of lists", "[".repeat(10_000), /nested more than 3 deep/],
    ["a deep tensor", `{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`, /nested more than 3 deep/],
    ["a deep header", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`, /nested more than 3 deep/],
    ["a string without end", '{"a', /not JSON/],
    ["an escape without end", '{"a\\', /not JSON/],
    ["a key that is a number", "{1:2}", /not JSON/],
    ["a list", "[]", /must be an object/],
    ["a number", "7", /must be an object/],
    ["nothing", "", /not JSON/],
    ["zeros", "\0\0\0\0", /not JSON/],
  ])("%s", (_, header, message) => {
    expectRefused(readSafetensors, safetensors(header), message);
  });

  it("a header that is not UTF-8", () => {
    expectRefused(readSafetensors, patched(safetensors('{"abc":{}}'), "abc", 1, 0xff, 1), /not JSON/);
  });

  it.each([0xffffffff, 100_000_001, 1000])("a header of %d bytes", (length) => {
    const bytes = safetensors("{}");
    new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
    expectRefused(readSafetensors, bytes, /the header claims/);
  });

  it("a header of 2^64 - 1 bytes", () => {
    const bytes = safetensors("{}").fill(0xff, 0, 8);
    expectRefused(readSafetensors, bytes, /the header claims/);
  });
});

it("names of a prototype's properties are ordinary names", () => {
  const header =
    '{"__proto__":{"dtype":"U8","shape":[16],"data_offsets":[0,16]},"__metadata__":{"__proto__":"x"}}';
  const { tensors, metadata } = readSafetensors(safetensors(header));
  expect([...tensors.keys()]).toEqual(["__proto__"]);
  expect(Object.entries(metadata)).toEqual([["__proto__", "x"]]);
  const file = checkpoint(`}${text("__proto__")}${tensor()}s.`);
  expect([...readTorch(file).tensors.keys()]).toEqual(["__proto__"]);
});

it("these were at least 1000 rejected files", () => {
  expect(counts.refused).toBeGreaterThanOrEqual(1000);
  // Changes of names, dates and padding, and of numbers in formats without checksums.
  expect(counts.harmless).toBeGreaterThan(0);
});

it.each([
  ["readTorch", readTorch],
  ["readSafetensors", readSafetensors],
] as const)("%s reads bytes, and nothing else", (_, read) => {
  for (const [value, text] of [
    [null, "null"],
    [new ArrayBuffer(8), "a value of type ArrayBuffer"],
    ["weights.pth", '"weights.pth"'],
  ] as const) {
    expect(() => read(value as never, "w")).toThrow(`w must be read from a Uint8Array, got ${text}`);
  }
});
