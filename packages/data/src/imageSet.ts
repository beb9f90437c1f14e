/** Labelled images and volumes as flat arrays, and subsets of them. */
import { GmrError, product, typeName } from "@gmr-conv/core";

/** [height, width, channels] of one image, or [depth, height, width, channels] of a volume. */
export type SampleShape = readonly number[];

/** `count` labelled images or volumes of one shape. */
export interface ImageSet {
  readonly name: string;
  /** [N, ...sizes, C] flat; bytes 0…255, or floats of any range. */
  readonly images: Uint8Array | Float32Array;
  /** [N] indices into `classNames`; for segmentation one per position, [N, ...sizes]. */
  readonly labels: Uint8Array | Int32Array;
  readonly shape: SampleShape;
  readonly count: number;
  readonly classNames: readonly string[];
}

/** An image set whose pixels are floats. */
export interface FloatImageSet extends ImageSet {
  readonly images: Float32Array;
}

const isFloats = (pixels: Uint8Array | Float32Array): pixels is Float32Array =>
  typeName(pixels) === "Float32Array";

/** `byte / 255` as float32, so that 0 (the background) stays exactly 0. */
const UNIT = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/**
 * The images at `indices` (in this order, repeats allowed), of the same pixel type.
 *
 * @throws GmrError `invalid-argument` for an index that is not an integer in 0 … count − 1
 */
export function subset(set: ImageSet, indices: ArrayLike<number>): ImageSet {
  checkIndices(set, indices);
  const size = imageSize(set.shape);
  const length = indices.length * size;
  const images = isFloats(set.images) ? new Float32Array(length) : new Uint8Array(length);
  const labels = gatherLabels(set, indices);
  for (let n = 0; n < indices.length; n++) {
    const from = indices[n] * size;
    images.set(set.images.subarray(from, from + size), n * size);
  }
  return { ...set, images, labels, count: indices.length };
}

/**
 * `count` images spread evenly over the whole set: always the same ones, from easy and hard regions alike.
 *
 * @throws GmrError `invalid-argument` unless `count` is an integer in 1 … set.count
 */
export function evenSubset(set: ImageSet, count: number): ImageSet {
  if (!Number.isInteger(count) || count < 1 || count > set.count) {
    throw new GmrError(
      "invalid-argument",
      `subset of ${count} images, expected 1 to ${set.count} (all of ${set.name})`,
    );
  }
  const indices = Int32Array.from({ length: count }, (_, n) => Math.floor((n * set.count) / count));
  return subset(set, indices);
}

/** The set with float pixels: bytes become `byte / 255`, floats are kept. */
export function toFloat(set: ImageSet): FloatImageSet {
  const { images } = set;
  return { ...set, images: isFloats(images) ? images : images01(images) };
}

/**
 * The images at `indices` as float32 [indices.length, ...sizes, C]; bytes become `byte / 255`. Indices are not
 * checked.
 */
export function gatherImages(set: ImageSet, indices: ArrayLike<number>): Float32Array {
  const size = imageSize(set.shape);
  const batch = new Float32Array(indices.length * size);
  for (let n = 0; n < indices.length; n++) {
    const from = indices[n] * size;
    const image = set.images.subarray(from, from + size);
    batch.set(isFloats(image) ? image : images01(image), n * size);
  }
  return batch;
}

/** The labels at `indices`, [indices.length] or [indices.length, ...sizes]. Indices are not checked. */
export function gatherLabels(set: ImageSet, indices: ArrayLike<number>): Int32Array {
  const each = set.labels.length / set.count;
  const labels = new Int32Array(indices.length * each);
  for (let n = 0; n < indices.length; n++) {
    labels.set(set.labels.subarray(indices[n] * each, (indices[n] + 1) * each), n * each);
  }
  return labels;
}

/** Number of values in one image, Π sizes · C. */
export function imageSize(shape: SampleShape): number {
  return product(shape);
}

/** Bytes as numbers from 0 to 1. */
export function images01(bytes: Uint8Array): Float32Array {
  const floats = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) floats[i] = UNIT[bytes[i]];
  return floats;
}

function checkIndices(set: ImageSet, indices: ArrayLike<number>): void {
  for (let n = 0; n < indices.length; n++) {
    const index = indices[n];
    if (!Number.isInteger(index) || index < 0 || index >= set.count) {
      throw new GmrError(
        "invalid-argument",
        `index ${index} at position ${n}, expected an integer from 0 to ${set.count - 1} (${set.name})`,
      );
    }
  }
}
