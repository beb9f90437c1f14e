// Accuracy of a network over a range of angles.

import { GmrError } from "../errors.ts";

/** The accuracy of a network on images turned by an angle. */
export interface AngleAccuracy {
  /** Degrees. */
  angle: number;
  /** 0 to 1, or percent; the summary has the same unit. */
  accuracy: number;
}

/** Summary of a curve of accuracy over angles. */
export interface AngleSummary {
  /** Accuracy at angle 0. */
  upright: number;
  /** Mean over all angles of the curve, 0 included. */
  mean: number;
  worst: number;
  worstAngle: number;
  /** upright - worst: the largest loss by turning. */
  drop: number;
}

/**
 * Summarises accuracies over angles.
 * @throws GmrError `invalid-data` if there is no upright entry (angle 0 or a multiple of 360) or a value is not finite
 */
export function summarizeAngles(curve: readonly AngleAccuracy[]): AngleSummary {
  const upright = curve.find(({ angle }) => angle % 360 === 0);
  if (!upright) throw new GmrError("invalid-data", "the accuracy curve must have an entry for angle 0");
  for (const { angle, accuracy } of curve) {
    if (!Number.isFinite(angle) || !Number.isFinite(accuracy)) {
      throw new GmrError("invalid-data", `accuracies must be finite, got ${accuracy} at angle ${angle}`);
    }
  }
  const worst = curve.reduce((a, b) => (b.accuracy < a.accuracy ? b : a));
  return {
    upright: upright.accuracy,
    mean: curve.reduce((sum, { accuracy }) => sum + accuracy, 0) / curve.length,
    worst: worst.accuracy,
    worstAngle: worst.angle,
    drop: upright.accuracy - worst.accuracy,
  };
}
