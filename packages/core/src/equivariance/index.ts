// Symmetries of grids, images turned by them, and how far a function is from keeping them.

export { type AngleAccuracy, type AngleSummary, summarizeAngles } from "./angles.ts";
export {
  equivarianceError,
  invarianceError,
  maxRelativeError,
  type SymmetryError,
  type SymmetryReport,
} from "./equivariance.ts";
export { checkFill, type Fill, mirroredIndex, nearestIndex } from "./fill.ts";
export {
  AXIS_NAMES,
  composeSymmetries,
  DIHEDRAL_GROUP,
  inverseSymmetry,
  type Symmetry,
  symmetryGroup,
} from "./symmetry.ts";
export {
  flip,
  type ImageBatch,
  type ImageShape,
  type NumberArray,
  rot90,
  type TurnOptions,
  transformImage,
  turnImage,
} from "./transformImage.ts";
