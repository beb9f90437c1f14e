/** Data sets, readers, geometric transforms and seeded batches: plain arrays, in browsers and Node. */

export { type Fill, mirroredIndex } from "@gmr-conv/core/equivariance";
export { type AffineMoves, affineImages, type WarpOptions, warpImages, warpLabels } from "./affine.ts";
export {
  type Augment,
  type AugmentOptions,
  augmenter,
  type Normalization,
  normalize,
} from "./augment/augment.ts";
export type { BlurOptions } from "./augment/blur.ts";
export type { ColourOptions } from "./augment/colour.ts";
export type { EraseOptions } from "./augment/erase.ts";
export type { GeometryOptions } from "./augment/geometry.ts";
export type { MixOptions } from "./augment/mix.ts";
export { type Batch, type BatchPart, BatchStream, type BatchStreamOptions, sliceOfBatch } from "./batches.ts";
export { cached } from "./cached.ts";
export { type DamagedFile, type DatasetCard, type LoadedDataset, partsOf, type SplitName } from "./card.ts";
export { convertChannels } from "./channels.ts";
export {
  type Dataset,
  type DatasetTask,
  datasetOf,
  type Examples,
  type FloatExamples,
  joined,
  pick,
  pickEvenly,
  readFloats,
  type Splits,
} from "./dataset.ts";
export { type DepthRange, limitsOf, MAX_16_BIT, scaled } from "./depthRange.ts";
export { type CifarImages, readCifar } from "./formats/cifar.ts";
export { type IdxArray, type IdxType, readIdx } from "./formats/idx.ts";
export { type MnistNames, mnistFromIdx } from "./formats/mnist.ts";
export { type NiftiVolume, niftiMask, readNifti } from "./formats/nifti.ts";
export { type NpyArray, readNpy, readNpz } from "./formats/npy.ts";
export { type Mesh, readOff } from "./formats/off.ts";
export { type VoxelizeOptions, voxelize } from "./formats/voxelize.ts";
export {
  evenSubset,
  type FloatImageSet,
  gatherImages,
  gatherLabels,
  type ImageSet,
  imageSize,
  type SampleShape,
  subset,
  toFloat,
} from "./imageSet.ts";
export { type ResizeRule, resizeImage } from "./resize.ts";
export type { Interpolation, SamplingOptions } from "./sampling.ts";
export { deriveSeed } from "./seed.ts";
export { type SplitOptions, splitDataset } from "./split.ts";
export {
  type FlipDirection,
  flipImages,
  type Padding,
  padImages,
  rotateImages,
  type TurnAxis,
  translateImages,
  turnOf,
} from "./transforms.ts";
export type { Warp } from "./warp.ts";
