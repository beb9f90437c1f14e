export type { Asymmetry } from "./asymmetries.ts";
export { checkEquivariance, type EquivarianceOptions, type Plane } from "./checkEquivariance.ts";
export { formatEquivariance } from "./formatEquivariance.ts";
export type { AngleCurve, AngleError, EquivarianceReport, ExactSymmetries } from "./report.ts";
export type { EquivarianceTarget } from "./target.ts";
