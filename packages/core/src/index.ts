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

// Mixture

export {
  GAUSSIAN_NORM,
  initialSigma,
  type MixGradients,
  mixtureMatrix,
  mixWeights,
  mixWeightsGrad,
  sigmaBounds,
} from "./mixture.ts";

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
