// Checks of options that several networks share.

import { checkFits, checkPositiveInteger, describeValue, GmrError, oneOf } from "@gmr-conv/core";
import { RING_BASES, type RingBasis } from "@gmr-conv/core/bases";
import type { RingInitializer } from "@gmr-conv/tfjs";
import type { ConvKind, Defaults } from "./networkOptions.ts";

const RING_INITIALIZERS = ["white", "kaimingNormal", "kaimingUniform", "ringMean"] as const;

/**
 * The basis and the initializer of ring convolutions.
 * @param ofRings the default initializer with the basis `rings`
 */
export function ringStart(
  options: {
    defaults?: Defaults | undefined;
    ringBasis?: RingBasis | undefined;
    kernelInitializer?: RingInitializer | undefined;
  },
  ofRings: RingInitializer,
): { ringBasis: RingBasis; kernelInitializer: RingInitializer } {
  const basis = options.ringBasis ?? (options.defaults === "official" ? "rings" : "halfWhite");
  const ringBasis = oneOf("ringBasis", basis, RING_BASES);
  const start = options.kernelInitializer ?? (ringBasis === "rings" ? ofRings : "white");
  const kernelInitializer = oneOf("kernelInitializer", start, RING_INITIALIZERS);
  if (kernelInitializer === "white" && ringBasis === "rings") {
    throw new GmrError(
      "invalid-argument",
      'kernelInitializer "white" needs ringBasis "white" or "halfWhite", got "rings"',
    );
  }
  return { ringBasis, kernelInitializer };
}

/**
 * A list of positive integers, with one entry per stage if `length` is given.
 * @throws GmrError `invalid-argument`
 */
export function list(name: string, values: readonly number[], length?: number): number[] {
  if (!Array.isArray(values) || (length !== undefined && values.length !== length)) {
    const expected =
      length === undefined ? "a list" : `a list with one entry for each of the ${length} stages`;
    throw new GmrError("invalid-argument", `${name} must be ${expected}, got ${describeValue(values)}`);
  }
  return values.map((value, i) => checkPositiveInteger(`${name}[${i}]`, value));
}

/**
 * Rejects widths that would give a convolution too many weights.
 * @throws GmrError `invalid-argument`, naming the entry
 */
export function checkWidths(
  name: string,
  widths: readonly number[],
  { kind, rank, kernelSizes }: { kind: ConvKind; rank: number; kernelSizes: readonly number[] },
): void {
  widths.forEach((width, i) => {
    const size = kernelSizes[Math.min(i, kernelSizes.length - 1)];
    const matrices = kind === "gmr" ? Math.ceil(size / 2) : size ** rank;
    const asked = `${name}[${i}] ${width} with kernels of size ${size}`;
    checkFits(asked, matrices * width * Math.max(width, widths[i - 1] ?? 1), "weights");
  });
}

/** [...sizes, channels] of images or volumes. */
export function checkInputShape(shape: unknown): (number | null)[] {
  if (!Array.isArray(shape) || (shape.length !== 3 && shape.length !== 4)) {
    throw new GmrError(
      "invalid-argument",
      `inputShape must be [height, width, channels] or [depth, height, width, channels], got ${describeValue(shape)}`,
    );
  }
  return shape.map((size: unknown, i) =>
    size === null && i < shape.length - 1 ? null : checkPositiveInteger(`inputShape[${i}]`, size),
  );
}

/** @throws GmrError `invalid-argument` unless `value` is an odd positive integer */
export function checkOdd(name: string, value: unknown): number {
  const size = checkPositiveInteger(name, value);
  if (size % 2 === 1) return size;
  throw new GmrError("invalid-argument", `${name} must be odd, got ${value}`);
}

/** @throws GmrError `invalid-argument` unless `value` is a finite number ≥ 0 */
export function checkNonNegative(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new GmrError(
    "invalid-argument",
    `${name} must be a number of at least 0, got ${describeValue(value)}`,
  );
}

/** @throws GmrError `invalid-argument` unless `value` is a number in [0, 1) */
export function inRange(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0 && value < 1) return value;
  throw new GmrError("invalid-argument", `${name} must be a number in [0, 1), got ${describeValue(value)}`);
}
