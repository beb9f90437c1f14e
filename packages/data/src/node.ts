/** Data sets from files, for Node. */

export type { DepthRange } from "./depthRange.ts";
export { classFiles } from "./node/classFiles.ts";
export { type LoadMnistOptions, loadMnist, type MnistSplits } from "./node/datasets/mnist.ts";
export {
  type DecodedImage,
  type DecodeOptions,
  decodeImage,
  decodeMask,
  decodePages,
  decodeRegion,
  type Region,
} from "./node/decode.ts";
export { imageLimits } from "./node/depthRange.ts";
export { type DatasetEntry, defineDataset } from "./node/entry.ts";
export { type ImageInfo, imageInfo, isImageFile } from "./node/imageInfo.ts";
export type { ImageInput, Pixels } from "./node/openImage.ts";
export { findOptional, importOptional, type OptionalPackage } from "./node/optional.ts";
export {
  checkDatasetSpec,
  DATASET_NAMES,
  type DatasetSpec,
  datasetCards,
  datasetEntry,
  datasetSchema,
  loadDataset,
} from "./node/registry.ts";
export { type Verification, verifyDataset } from "./node/verify.ts";
export { isNifti, isVolume, readVolume, readVolumeMask } from "./node/volume.ts";
export type { ResizeRule } from "./resize.ts";
