import type { Asymmetry } from "./asymmetries.ts";

/** How well a target preserves turns and mirror images; plain JSON. */
export interface EquivarianceReport {
  /** `equivariance`: f(g x) = g f(x), for feature maps. `invariance`: f(g x) = f(x), for outputs [N, K]. */
  kind: "equivariance" | "invariance";
  /** [N, ...spatial, C]. */
  inputShape: number[];
  outputShape: number[];
  exact: ExactSymmetries;
  /** Null for signals, if no angles were requested, and for grids too small to compare. */
  angles: AngleCurve | null;
}

/** The symmetries of the grid, which need no interpolation. */
export interface ExactSymmetries {
  /** The largest error. */
  worst: number;
  /** Every symmetry tried, with max |a - b| / max(|a|, |b|) for a = f(g x) and b = g f(x) or f(x): 0 to 2. */
  elements: { element: string; error: number }[];
  skipped: { element: string; reason: string }[];
  /** Whether `worst` is within the tolerance. */
  ok: boolean;
  tolerance: number;
  /** If not: layers whose strides do not fit the sizes of their input, with sizes that do. */
  asymmetries: Asymmetry[];
}

export interface AngleError {
  /** Degrees counter-clockwise. */
  angle: number;
  /** For volumes: the axes of the plane of the turn, such as `"HW"`; a turn maps the first onto the second. */
  plane?: string;
  /** As for exact symmetries; of feature maps, only the part well inside the inscribed disc is compared. */
  error: number;
  /** The same for the turn followed by its inverse: the error of interpolation alone. */
  interpolation: number;
}

/** The errors of turns by any angle. */
export interface AngleCurve {
  curve: AngleError[];
  mean: number;
  worst: number;
  worstAngle: number;
}
