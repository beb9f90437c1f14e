import { describeValue, GmrError } from "@gmr-conv/core";

/** @throws GmrError `invalid-argument` unless 0 ≤ value ≤ 1 */
export function checkProbability(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  throw new GmrError("invalid-argument", `${name} must lie in [0, 1], got ${describeValue(value)}`);
}

/** @throws GmrError `invalid-argument` unless 0 < min ≤ max */
export function checkRange(name: string, range: readonly [number, number]): void {
  const [min, max] = range;
  if (min > 0 && min <= max && max < Number.POSITIVE_INFINITY) return;
  throw new GmrError("invalid-argument", `${name} ${describeValue([...range])}, expected 0 < min ≤ max`);
}

/** @throws GmrError `invalid-argument` unless 0 ≤ value < ∞ */
export function checkAmount(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new GmrError(
    "invalid-argument",
    `${name} must be a number of at least 0, got ${describeValue(value)}`,
  );
}
