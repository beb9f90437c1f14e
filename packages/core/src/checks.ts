// Checks of arguments. Each returns a valid value and throws a GmrError for an invalid one, saying what was expected.

import { describeValue, GmrError, typeName } from "./errors.ts";

/**
 * Returns `value` if it is an integer ≥ 1.
 * @throws GmrError `invalid-argument` otherwise
 */
export function checkPositiveInteger(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
  throw new GmrError("invalid-argument", `${name} must be a positive integer, got ${describeValue(value)}`);
}

/**
 * Returns `value` if it is an integer ≥ 0.
 * @throws GmrError `invalid-argument` otherwise
 */
export function checkNonNegativeInteger(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new GmrError(
    "invalid-argument",
    `${name} must be an integer of at least 0, got ${describeValue(value)}`,
  );
}

/**
 * Returns `value` if it is a finite number.
 * @throws GmrError `invalid-argument` otherwise
 */
export function checkFinite(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new GmrError("invalid-argument", `${name} must be a finite number, got ${describeValue(value)}`);
}

/**
 * Returns `value` if it is an object and not a list.
 * @throws GmrError `invalid-argument` otherwise
 */
export function checkObject<T extends object>(name: string, value: T): T {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new GmrError("invalid-argument", `${name} must be an object, got ${describeValue(value)}`);
}

/** Every key of an options type (of each member of a union), so that the compiler rejects a table that lacks one. */
export type KeysOf<T> = Readonly<Record<T extends unknown ? StatedKeys<T> : never, true>>;

/** The keys that a type names; an index signature names none. */
type StatedKeys<T> = keyof { [K in keyof T as string extends K ? never : K]: true };

/**
 * Returns `value` if it is an object with known keys only, so that misspelt options are not ignored.
 * @param what describes the value, such as `"the options of resNet"`
 * @param known a constant made once, since functions that are called for every batch check their options too
 * @throws GmrError `invalid-argument` otherwise, suggesting the nearest known name
 */
export function checkKeys<T extends object>(what: string, value: T, known: KeysOf<NoInfer<T>>): T {
  for (const key of Object.keys(checkObject(what, value))) {
    if (!Object.hasOwn(known, key)) throw unknownKey(what, key, Object.keys(known));
  }
  return value;
}

function unknownKey(what: string, key: string, known: readonly string[]): GmrError {
  const near = synonymOf(key, known) ?? nearestName(key, known);
  const hint =
    near === undefined ? `expected one of ${[...known].sort().join(", ")}` : `did you mean ${near}?`;
  return new GmrError("invalid-argument", `${what} have no ${describeValue(key)}: ${hint}`);
}

/** Names of one thing in layers, in ops, in PyTorch, or formerly here, where letters do not lead from one to the other. */
const SYNONYMS: readonly (readonly string[])[] = [
  ["kernelInitializer", "ringInitializer"],
  ["padding", "pad"],
  ["padMode", "paddingMode"],
  ["dilationRate", "dilations", "dilation"],
  ["filters", "outChannels"],
  ["useBias", "bias"],
  ["rings", "convolutions"],
  ["classes", "numClasses", "outputs"],
  ["learningRate", "lr"],
  ["epsilon", "eps"],
  ["ignoreLabel", "ignoreIndex"],
  ["diceWeight", "dice"],
  ["crossEntropyWeight", "crossEntropy"],
];

function synonymOf(name: string, known: readonly string[]): string | undefined {
  const plain = name.replaceAll("_", "").toLowerCase();
  const names = SYNONYMS.find((group) => group.some((other) => other.toLowerCase() === plain));
  return names?.find((other) => other !== name && known.includes(other));
}

/** The known name nearest to a misspelt one; undefined if none is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, edits: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best && best.edits <= Math.max(2, Math.floor(name.length / 3)) ? best.candidate : undefined;
}

/** Number of letters to insert, delete, replace or swap with their neighbour (Damerau). */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = Number(a[i - 1] !== b[j - 1]);
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[a.length][b.length];
}

/**
 * Returns `value` if it is one of the allowed names.
 * @throws GmrError `invalid-argument` otherwise
 */
export function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((entry) => entry === value);
  if (found !== undefined) return found;
  const names = allowed.map((entry) => `"${entry}"`);
  const expected = names.length > 2 ? `one of ${names.join(", ")}` : names.join(" or ");
  throw new GmrError("invalid-argument", `${name} must be ${expected}, got ${describeValue(value)}`);
}

/**
 * Returns `value` if it is a Uint8Array.
 * @throws GmrError `invalid-argument` otherwise
 */
export function checkBytes(name: string, value: Uint8Array): Uint8Array {
  if (typeName(value) === "Uint8Array") return value;
  throw new GmrError(
    "invalid-argument",
    `${name} must be read from a Uint8Array, got ${describeValue(value)}`,
  );
}

/** The largest array that sizes and options may ask for: 2²⁸ numbers, 1 GiB in 32 bits. */
const MAX_NUMBERS = 2 ** 28;

/**
 * Returns `count` if that many things fit into memory and can be processed.
 *
 * @param option name and value of the option that asks for them, such as `"kernelSize 10001"`
 * @param what the things are, such as `"kernel positions"`
 * @throws GmrError `invalid-argument` if there are more than `most`, or `count` is NaN
 */
export function checkFits(option: string, count: number, what: string, most = MAX_NUMBERS): number {
  if (count <= most) return count;
  const asked = Number.isSafeInteger(count) ? count : count.toExponential(1);
  throw new GmrError("invalid-argument", `${option} asks for ${asked} ${what}, at most ${most} fit`);
}

/**
 * Checks the number of elements of an array.
 * @throws GmrError `invalid-shape` if it is not `expected`; `shape` describes the array in the message
 */
export function checkLength(name: string, array: ArrayLike<number>, expected: number, shape: string): void {
  if (array.length === expected) return;
  throw new GmrError(
    "invalid-shape",
    `${name} must hold ${expected} numbers (${shape}), got ${array.length}`,
  );
}

/**
 * The length of the second axis of an array of shape [rows, columns].
 * @throws GmrError `invalid-shape` if the length is not a multiple of `rows`
 */
export function columnsOf(name: string, array: ArrayLike<number>, rows: number): number {
  if (array.length % rows === 0) return array.length / rows;
  throw new GmrError("invalid-shape", `${name} must have ${rows} equal rows, got ${array.length} numbers`);
}
