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

/** The message of anything thrown: an `Error` of any realm, an object with a message, a string. */
export function reasonOf(error: unknown): string {
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
