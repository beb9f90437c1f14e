// The project's one error class. `code` is for programs, `message` for people: one line that names the wrong value and
// what was expected.

/**
 * Kinds of errors that a program can act upon:
 *
 * - `invalid-argument`: an option or argument has a value that is never valid;
 * - `invalid-shape`: sizes that do not fit together;
 * - `invalid-data`: the numbers or bytes themselves (NaN, a truncated file);
 * - `unsupported`: a valid request that this function or backend does not support;
 * - `out-of-memory`: the backend's memory is full;
 * - `device-lost`: the GPU was lost;
 * - `io`: reading or writing failed;
 * - `interrupted`: stopped on request;
 * - `internal`: a bug in this project.
 */
export type GmrErrorCode =
  | "invalid-argument"
  | "invalid-shape"
  | "invalid-data"
  | "unsupported"
  | "out-of-memory"
  | "device-lost"
  | "io"
  | "interrupted"
  | "internal";

/** The error that every package of the project throws. */
export class GmrError extends Error {
  override readonly name = "GmrError";
  readonly code: GmrErrorCode;

  constructor(code: GmrErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** What Node's codes for failures of the file system mean. */
const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of its path is a file, expected a folder",
  EISDIR: "it is a folder, expected a file",
  EEXIST: "a file is in its place",
  EACCES: "no permission",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "no space is left",
  EDQUOT: "no space is left",
  EFBIG: "the file is too large for the file system",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "too many symbolic links",
  EBUSY: "it is in use",
  EIO: "the device failed",
};

/**
 * The message of anything thrown: an `Error` of any realm, an object with a message, a string. Failures of the file
 * system are put in words, without the path, which belongs in front.
 */
export function reasonOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "syscall" in error ? codeOf(error) : undefined;
  if (code !== undefined && Object.hasOwn(FILE_PROBLEMS, code)) return FILE_PROBLEMS[code];
  const message = typeof error === "object" && error !== null && "message" in error ? error.message : error;
  return String(message);
}

/** The `code` that errors of Node's modules carry, such as `"ENOENT"`. */
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/**
 * The name of a built-in type, such as `"Uint8Array"`. `instanceof` fails for values of another realm: a frame's, or
 * Node's for programs in a separate context (Jest).
 */
export function typeName(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

const MAX_DESCRIPTION = 60;

/** A short, one-line description of any value, for error messages: `"same"`, `NaN`, `[3, 4]`, `Float32Array(12)`. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") return shorten(JSON.stringify(value));
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `function ${value.name || "(anonymous)"}`;
  if (Array.isArray(value)) {
    const text = `[${value.slice(0, 12).map(describeValue).join(", ")}${value.length > 12 ? ", …" : ""}]`;
    return text.length <= MAX_DESCRIPTION ? text : `Array(${value.length})`;
  }
  if (typeof value === "object" && value !== null) {
    const name: string = value.constructor?.name ?? "Object";
    return ArrayBuffer.isView(value) && "length" in value
      ? `${name}(${value.length})`
      : `a value of type ${name}`;
  }
  return shorten(String(value));
}

function shorten(text: string): string {
  return text.length <= MAX_DESCRIPTION ? text : `${text.slice(0, MAX_DESCRIPTION - 1)}…`;
}
