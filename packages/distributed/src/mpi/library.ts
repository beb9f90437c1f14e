// The C interface of MPI, as far as it is needed. Two binary interfaces are in use: that of Open MPI, whose handles are
// addresses of objects in the library, and that of MPICH, Intel MPI, MVAPICH and MS-MPI, whose handles are integers
// (https://www.mpich.org/abi/). Both fit into `intptr_t`.

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { GmrError, reasonOf } from "@gmr-conv/core";

type Handle = bigint;
/** Receives a handle from the library. */
type HandleOut = BigInt64Array<ArrayBuffer>;

/** An open MPI library. Functions return MPI's error codes, 0 is success. */
export interface Mpi {
  /** The file that was loaded. */
  file: string;
  world: Handle;
  types: { byte: Handle; float: Handle; double: Handle };
  reductions: { sum: Handle; max: Handle };
  initThread(level: number, provided: Int32Array): number;
  rank(communicator: Handle, out: Int32Array): number;
  size(communicator: Handle, out: Int32Array): number;
  /** The processes on this machine. */
  splitByMachine(out: HandleOut): number;
  version(text: Uint8Array, length: Int32Array): number;
  errorText(code: number, text: Uint8Array, length: Int32Array): number;
  /** Lets functions return error codes, where MPI would end the process. */
  returnErrors(): number;
  iallreduce(data: ArrayBufferView, count: number, type: Handle, op: Handle, request: HandleOut): number;
  ibcast(data: Uint8Array, count: number, request: HandleOut): number;
  igatherv(
    data: Uint8Array,
    count: number,
    into: Uint8Array,
    counts: Int32Array,
    starts: Int32Array,
    request: HandleOut,
  ): number;
  isend(data: Uint8Array, to: number, tag: number, request: HandleOut): number;
  irecv(data: Uint8Array, from: number, tag: number, request: HandleOut): number;
  test(request: HandleOut, done: Int32Array): number;
  abort(code: number): number;
  finalize(): number;
}

/** MPI_THREAD_FUNNELED: only the thread that started MPI calls it. */
export const FUNNELED = 1;

/** The names of the libraries, Open MPI's first. */
const OPEN_MPI = ["libmpi.so.40", "libmpi.so.80", "libmpi.40.dylib"];
const MPICH = ["libmpich.so.12", "libmpi.so.12", "libmpi.12.dylib", "msmpi.dll"];
const EITHER = ["libmpi.so", "libmpich.so", "libmpi.dylib"];

/** Numbers of MPICH's binary interface. */
const MPICH_HANDLES = {
  world: 0x44000000,
  byte: 0x4c00010d,
  float: 0x4c00040a,
  double: 0x4c00080b,
  sum: 0x58000003,
  max: 0x58000001,
  noInfo: 0x1c000000,
  returnErrors: 0x54000001,
};

/** Objects in Open MPI's library. */
const OPEN_MPI_SYMBOLS: Readonly<Record<keyof typeof MPICH_HANDLES, string>> = {
  world: "ompi_mpi_comm_world",
  byte: "ompi_mpi_byte",
  float: "ompi_mpi_float",
  double: "ompi_mpi_double",
  sum: "ompi_mpi_op_sum",
  max: "ompi_mpi_op_max",
  noInfo: "ompi_mpi_info_null",
  returnErrors: "ompi_mpi_errors_return",
};

/**
 * Loads an MPI library.
 * @param library its file; default: the one of the launcher that started this process, else any that is installed
 * @throws GmrError `unsupported` without koffi or without a library
 */
export async function loadMpi(library?: string): Promise<Mpi> {
  const koffi = await importKoffi();
  const names = library ? [library] : candidates();
  const failures: string[] = [];
  for (const file of names) {
    try {
      return describe(koffi, koffi.load(file, { global: true }), file);
    } catch (error) {
      failures.push(`${file}: ${reasonOf(error)}`);
    }
  }
  throw new GmrError(
    "unsupported",
    `no MPI library could be loaded (${failures.join("; ")}): install Open MPI or MPICH, or name the library's file ` +
      "in GMR_MPI_LIBRARY",
  );
}

/** The package that calls C, installed beside this one or in the current folder, where users of `npx` install it. */
async function importKoffi(): Promise<Koffi> {
  try {
    return (await import("koffi")).default;
  } catch (cause) {
    try {
      const here = createRequire(path.join(process.cwd(), "package.json"));
      return ((await import(pathToFileURL(here.resolve("koffi")).href)) as { default: Koffi }).default;
    } catch {
      throw new GmrError(
        "unsupported",
        "MPI needs the npm package koffi, which is not installed; install it in this folder: npm install koffi@3",
        { cause },
      );
    }
  }
}

function candidates(): string[] {
  const { env } = process;
  const openMpi = env.OMPI_COMM_WORLD_SIZE !== undefined;
  return openMpi
    ? [...OPEN_MPI, ...EITHER]
    : env.PMI_SIZE !== undefined
      ? [...MPICH, ...EITHER]
      : [...OPEN_MPI, ...MPICH, ...EITHER];
}

type Koffi = typeof import("koffi").default;

function describe(koffi: Koffi, library: ReturnType<Koffi["load"]>, file: string): Mpi {
  const open = hasSymbol(library, OPEN_MPI_SYMBOLS.world);
  const handle = (name: keyof typeof MPICH_HANDLES): Handle =>
    open ? koffi.address(library.symbol(OPEN_MPI_SYMBOLS[name])) : BigInt(MPICH_HANDLES[name]);
  const inPlace = open ? 1n : -1n;
  const sharedMemory = open ? 0 : 1;
  const world = handle("world");
  const byte = handle("byte");
  // h: a handle or an address given as a number, p: memory, i: an int.
  const types = { h: "intptr_t", p: "void *", i: "int" } as const;
  const bind = (name: string, signature: string): ((...args: unknown[]) => number) =>
    library.func(
      name,
      "int",
      Array.from(signature, (letter) => types[letter as keyof typeof types]),
    ) as (...args: unknown[]) => number;
  const init = bind("MPI_Init_thread", "ppip");
  const rank = bind("MPI_Comm_rank", "hp");
  const size = bind("MPI_Comm_size", "hp");
  const split = bind("MPI_Comm_split_type", "hiihp");
  const setHandler = bind("MPI_Comm_set_errhandler", "hh");
  const iallreduce = bind("MPI_Iallreduce", "hpihhhp");
  const ibcast = bind("MPI_Ibcast", "pihihp");
  const igatherv = bind("MPI_Igatherv", "pihppphihp");
  const isend = bind("MPI_Isend", "pihiihp");
  const irecv = bind("MPI_Irecv", "pihiihp");
  const test = bind("MPI_Test", "ppp");
  const abort = bind("MPI_Abort", "hi");
  /** Room for an MPI_Status of either interface, whose content is not needed. */
  const status = new Uint8Array(64);
  return {
    file,
    world,
    types: { byte, float: handle("float"), double: handle("double") },
    reductions: { sum: handle("sum"), max: handle("max") },
    initThread: (level, provided) => init(null, null, level, provided),
    rank,
    size,
    splitByMachine: (out) => split(world, sharedMemory, 0, handle("noInfo"), out),
    version: bind("MPI_Get_library_version", "pp"),
    errorText: bind("MPI_Error_string", "ipp"),
    returnErrors: () => setHandler(world, handle("returnErrors")),
    iallreduce: (data, count, type, op, request) =>
      iallreduce(inPlace, data, count, type, op, world, request),
    ibcast: (data, count, request) => ibcast(data, count, byte, 0, world, request),
    igatherv: (data, count, into, counts, starts, request) =>
      igatherv(data, count, byte, into, counts, starts, byte, 0, world, request),
    isend: (data, to, tag, request) => isend(data, data.length, byte, to, tag, world, request),
    irecv: (data, from, tag, request) => irecv(data, data.length, byte, from, tag, world, request),
    test: (request, done) => test(request, done, status),
    abort: (code) => abort(world, code),
    finalize: bind("MPI_Finalize", ""),
  };
}

function hasSymbol(library: ReturnType<Koffi["load"]>, name: string): boolean {
  try {
    library.symbol(name);
    return true;
  } catch {
    return false;
  }
}
