// The mathematics of GMR-Conv on plain arrays.

// Rings

export {
  centreDistances,
  defaultNumRings,
  MAX_KERNEL_POSITIONS,
  type RingOptions,
  type RingPartition,
  ringMasks,
  ringPartition,
} from "./rings.ts";

// Mixture, and the coordinates that ring weights are trained in

export {
  GAUSSIAN_NORM,
  initialSigma,
  type MixGradients,
  mixtureMatrix,
  mixWeights,
  mixWeightsGrad,
  sigmaBounds,
} from "./mixture.ts";
export {
  changeBasis,
  defaultRingBasis,
  RING_BASES,
  type RingBasis,
  type WhiteBasis,
  whiteBasis,
} from "./ringBasis.ts";

// Folding to a dense kernel

export {
  foldKernel,
  foldKernelGrad,
  foldWithMasks,
  foldWithMasksGrad,
  type MaskFoldGradients,
} from "./fold.ts";

// Initial values

export { kaimingNormalFanOut, kaimingNormalRingMean, kaimingUniformFanIn, whiteNormal } from "./init.ts";
export { Random, type RandomState } from "./random.ts";

// Axes and sizes of convolutions

export { checkRank, type PerAxis, perAxis, product, type Rank } from "./axes.ts";
export {
  ANY_SIZE,
  type ConvGeometry,
  type ConvGeometryOptions,
  type ConvOptions,
  convGeometry,
  geometryAt,
  nearestSymmetricSizes,
  type Pad,
  type PadMode,
  symmetricAxes,
} from "./geometry.ts";

// Reference convolutions

export {
  type ReferenceConvOptions,
  type ReferenceGradients,
  type ReferenceOutput,
  referenceConv,
  referenceConvGrad,
} from "./reference.ts";
export {
  type GmrParameters,
  gmrKernel,
  type ReferenceGmrGradients,
  type ReferenceGmrOptions,
  referenceGmrConv,
  referenceGmrConvGrad,
} from "./referenceGmr.ts";

// Symmetries and equivariance

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

// Pictures of kernels

export { type KernelPicture, kernelPicture, kernelSlice } from "./picture.ts";

// Errors, and checks of arguments

export {
  checkBytes,
  checkFinite,
  checkFits,
  checkKeys,
  checkLength,
  checkNonNegativeInteger,
  checkObject,
  checkPositiveInteger,
  type KeysOf,
  nearestName,
  oneOf,
} from "./checks.ts";
export { codeOf, describeValue, GmrError, type GmrErrorCode, reasonOf, typeName } from "./errors.ts";

// The runtime

export { once } from "./once.ts";
export { environmentVariable, isNode } from "./runtime.ts";
