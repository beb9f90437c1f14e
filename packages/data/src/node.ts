/** Data sets from files, for Node. */
export { classFiles } from "./node/datasets/folder.ts";
export { type LoadMnistOptions, loadMnist, type MnistSplits } from "./node/datasets/mnist.ts";
export {
  type DecodedImage,
  type DecodeOptions,
  type DepthRange,
  decodeImage,
  decodeMask,
  decodePages,
  decodeRegion,
  type ImageInfo,
  imageInfo,
  imageLimits,
  isImageFile,
  type Region,
  type ResizeRule,
} from "./node/decode.ts";
export { type DatasetEntry, defineDataset } from "./node/entry.ts";
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
