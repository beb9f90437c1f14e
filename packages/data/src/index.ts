/** Data sets, readers, geometric transforms and seeded batches: arrays only, in browsers and Node alike. */
export { type AffineMoves, affineImages } from "./affine.ts";
export { type Augment, type AugmentOptions, augmenter } from "./augment.ts";
export { type Batch, BatchStream, type BatchStreamOptions } from "./batches.ts";
export { type IdxArray, type IdxType, readIdx } from "./idx.ts";
export {
  evenSubset,
  type FloatImageSet,
  gatherImages,
  gatherLabels,
  type ImageSet,
  type ImageShape,
  imageSize,
  subset,
  toFloat,
} from "./imageSet.ts";
export { type MnistNames, mnistFromIdx } from "./mnist.ts";
export { flipImages, type Padding, padImages, rotateImages, translateImages } from "./transforms.ts";
