/**
 * NumPy's .npy arrays, and .npz archives of them.
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { checkBytes, GmrError, product, reasonOf } from "@gmr-conv/core";
import { unzipSync } from "fflate";

/** An array read from a .npy file; `data` is flat, the last of `shape` runs fastest. */
export interface NpyArray {
  shape: number[];
  data:
    | Uint8Array
    | Int8Array
    | Uint16Array
    | Int16Array
    | Uint32Array
    | Int32Array
    | Float32Array
    | Float64Array
    | BigInt64Array
    | BigUint64Array;
}

const TYPES = {
  "|b1": Uint8Array,
  "|u1": Uint8Array,
  "|i1": Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  u4: Uint32Array,
  i4: Int32Array,
  f4: Float32Array,
  f8: Float64Array,
  i8: BigInt64Array,
  u8: BigUint64Array,
} as const;

/**
 * Reads a .npy file, of either byte order.
 * @param name for error messages
 * @throws GmrError `invalid-data` for a damaged file; `unsupported` for types that are not numbers, and for Fortran
 *   order
 */
export function readNpy(bytes: Uint8Array, name = ".npy data"): NpyArray {
  const fail = (problem: string, code: "invalid-data" | "unsupported" = "invalid-data"): never => {
    throw new GmrError(code, `${name}: ${problem}`);
  };
  checkBytes(name, bytes);
  const magic = String.fromCharCode(...bytes.subarray(0, 6));
  if (magic !== "\x93NUMPY") fail("not a .npy file: expected it to begin with \\x93NUMPY");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6] >= 2;
  if (bytes.length < 12) fail(`truncated header: ${bytes.length} bytes`);
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (wide ? 12 : 10) + length;
  if (bytes.length < start) fail(`truncated header: ${bytes.length} bytes, expected ${start}`);
  const header = new TextDecoder("latin1").decode(bytes.subarray(wide ? 12 : 10, start));
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || sizes === undefined) {
    return fail(`header ${JSON.stringify(header.trim())}, expected descr, fortran_order and shape`);
  }
  if (order === "True") fail("Fortran order: save it with numpy.ascontiguousarray", "unsupported");
  const shape = sizes
    .split(",")
    .filter((size) => size.trim() !== "")
    .map(Number);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) fail(`shape (${sizes})`);
  const Type = TYPES[(descr[0] === "|" ? descr : descr.slice(1)) as keyof typeof TYPES];
  if (!Type)
    return fail(
      `type ${JSON.stringify(descr)}, expected one of ${Object.keys(TYPES).join(", ")}`,
      "unsupported",
    );
  const count = product(shape);
  const expected = start + count * Type.BYTES_PER_ELEMENT;
  if (bytes.length !== expected) {
    const problem = bytes.length < expected ? "truncated" : "trailing bytes";
    fail(`${problem}: ${bytes.length} bytes, expected ${expected} for ${descr} [${shape}]`);
  }
  const body = new Uint8Array(bytes.subarray(start)); // a copy, aligned: slices of a Node Buffer are views
  if (descr[0] === ">") swapBytes(body, Type.BYTES_PER_ELEMENT);
  return { shape, data: new Type(body.buffer, 0, count) };
}

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let i = 0; i < bytes.length; i += size) bytes.subarray(i, i + size).reverse();
}

/**
 * Reads arrays of a .npz archive.
 * @param wanted names without `.npy`; default: all
 * @throws GmrError `invalid-data` for a damaged archive or a missing array; as {@link readNpy}
 */
export function readNpz(
  bytes: Uint8Array,
  name = ".npz data",
  wanted?: readonly string[],
): Map<string, NpyArray> {
  checkBytes(name, bytes);
  const files = unzipped(bytes, name, wanted);
  const arrays = new Map<string, NpyArray>();
  for (const [file, content] of Object.entries(files)) {
    arrays.set(file.replace(/\.npy$/, ""), readNpy(content, `${name}, ${file}`));
  }
  const missing = wanted?.find((key) => !arrays.has(key));
  if (missing !== undefined) {
    throw new GmrError(
      "invalid-data",
      `${name}: no array ${missing}, it has ${namesIn(bytes, name).join(", ")}`,
    );
  }
  return arrays;
}

/** The names of a .npz archive's arrays, without `.npy`. @throws GmrError `invalid-data` */
function namesIn(bytes: Uint8Array, name = ".npz data"): string[] {
  const names: string[] = [];
  unzipped(bytes, name, [], (file) => names.push(file));
  return names;
}

function unzipped(
  bytes: Uint8Array,
  name: string,
  wanted?: readonly string[],
  seen: (file: string) => void = () => {},
): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes, {
      filter: ({ name: file }) => {
        const key = file.replace(/\.npy$/, "");
        seen(key);
        return file.endsWith(".npy") && (wanted?.includes(key) ?? true);
      },
    });
  } catch (error) {
    throw new GmrError("invalid-data", `${name}: not a .npz archive, or a damaged one (${reasonOf(error)})`);
  }
}
