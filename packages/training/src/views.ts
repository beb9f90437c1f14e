// Images as a network sees them: upright, turned or mirrored.

import { checkKeys, type KeysOf, oneOf, product } from "@gmr-conv/core";
import {
  type Dataset,
  type FlipDirection,
  flipImages,
  imageSize,
  type Normalization,
  normalize,
  readFloats,
  rotateImages,
  type SampleShape,
  type SamplingOptions,
  type TurnAxis,
  turnOf,
  warpLabels,
} from "@gmr-conv/data";
import * as tf from "@tensorflow/tfjs";
import { IGNORED } from "./metrics/segmentation.ts";

/** How images are turned or mirrored before the network sees them. */
export type View =
  | { kind: "upright" }
  | { kind: "turn"; degrees: number /** For volumes. Default `"D"`. */; axis?: TurnAxis | undefined }
  | { kind: "flip"; direction: FlipDirection };

/** `fill` is `"reflect"` by default for images with masks: what they show continues beyond their borders. */
export interface ViewOptions extends SamplingOptions {
  /** The standardisation that the network was trained with. */
  normalization?: Normalization | undefined;
  /**
   * Sizes that the network takes, cropped from the centre of larger images after turning. Default: those of the
   * images.
   */
  size?: readonly number[] | undefined;
  /**
   * Evaluate only the disc (or ball) inscribed in the images, which turns do not cut: outside it, images with one
   * label are set to zero and masks are ignored. Default false.
   */
  disc?: boolean | undefined;
}

const VIEWS: { readonly [Kind in View["kind"]]: KeysOf<Extract<View, { kind: Kind }>> } = {
  upright: { kind: true },
  turn: { kind: true, degrees: true, axis: true },
  flip: { kind: true, direction: true },
};

const KINDS = ["upright", "turn", "flip"] as const;

/** The keys of {@link ViewOptions}. */
export const VIEW_KEYS: KeysOf<ViewOptions> = {
  interpolation: true,
  fill: true,
  normalization: true,
  size: true,
  disc: true,
};

/** Numbers of pixels, times channels, to process at a time. */
const NUMBERS_AT_A_TIME = 2 ** 21;

export interface ViewedBatch {
  /** [N, ...sizes, C], to be disposed of. */
  images: tf.Tensor;
  /** [N], or [N, ...sizes] with {@link IGNORED} outside a turned mask. */
  labels: Int32Array;
  /** Indices into the data set. */
  indices: Int32Array;
}

/** A data set in batches, in one view. */
export async function* viewBatches(
  dataset: Dataset,
  options: ViewOptions = {},
  batchSize = batchSizeFor(dataset.shape),
  view: View = { kind: "upright" },
): AsyncGenerator<ViewedBatch, void, undefined> {
  for (let first = 0; first < dataset.count; first += batchSize) {
    const indices = Int32Array.from(
      { length: Math.min(batchSize, dataset.count - first) },
      (_, i) => first + i,
    );
    const { images, labels } = await readFloats(dataset, indices);
    const seen = seenAs(images, labels, dataset.shape, view, options);
    yield { images: tf.tensor(seen.images, [indices.length, ...seen.shape]), labels: seen.labels, indices };
  }
}

/** Number of images that fit into memory at a time, with the activations of a network. */
export const batchSizeFor = (shape: SampleShape): number =>
  Math.max(1, Math.min(256, Math.floor(NUMBERS_AT_A_TIME / imageSize(shape))));

/** Images and labels in a view. */
export function seenAs(
  images: Float32Array,
  labels: Int32Array,
  shape: SampleShape,
  view: View,
  given: ViewOptions = {},
): { images: Float32Array; labels: Int32Array; shape: SampleShape } {
  checkKeys<object>(`the options of view "${view.kind}"`, view, VIEWS[oneOf("kind", view.kind, KINDS)]);
  const { normalization, size, disc, ...sampling } = checkKeys("the options of a view", given, VIEW_KEYS);
  const channels = shape[shape.length - 1];
  const sizes = shape.slice(0, -1);
  const outSizes = size ?? sizes;
  const outShape = [...outSizes, channels];
  const masks = labels.length > images.length / imageSize(shape);
  const options = { ...sampling, size: outSizes, fill: sampling.fill ?? (masks ? "reflect" : 0) };
  let seen = normalization ? normalize(images, channels, normalization) : images;
  let own = labels;
  if (view.kind === "flip") {
    seen = flipImages(seen, shape, view.direction);
    if (masks) own = Int32Array.from(flipImages(Float32Array.from(labels), [...sizes, 1], view.direction));
  }
  const turn = view.kind === "turn" ? turnOf(shape, view.degrees, view.axis) : undefined;
  if (view.kind === "turn") seen = rotateImages(seen, shape, view.degrees, { ...options, axis: view.axis });
  else if (outSizes.join() !== sizes.join()) seen = rotateImages(seen, shape, 0, options);
  if (masks && (turn || outSizes.join() !== sizes.join())) {
    const warp = turn ?? turnOf(shape, 0);
    own = warpLabels(own, sizes, () => warp, { size: outSizes }, IGNORED);
  }
  if (disc) {
    const inside = discOf(outSizes);
    if (masks) own = own.map((label, i) => (inside[i % inside.length] ? label : IGNORED));
    else {
      seen = Float32Array.from(seen, (value, i) =>
        inside[Math.floor(i / channels) % inside.length] ? value : 0,
      );
    }
  }
  return { images: seen, labels: own, shape: outShape };
}

/** 1 for positions of [...sizes] within the inscribed disc or ball, else 0. */
export function discOf(sizes: readonly number[]): Uint8Array {
  const radius = Math.min(...sizes) / 2;
  return Uint8Array.from({ length: product(sizes) }, (_, position) => {
    let [rest, squared] = [position, 0];
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      squared += ((rest % sizes[axis]) - (sizes[axis] - 1) / 2) ** 2;
      rest = Math.floor(rest / sizes[axis]);
    }
    return Number(squared <= radius * radius);
  });
}
