/** Random changes of training examples, seeded and reproducible. */
import { checkKeys, GmrError, type Random } from "@gmr-conv/core";
import { countImages } from "../affine.ts";
import type { FloatExamples } from "../dataset.ts";
import type { SampleShape } from "../imageSet.ts";
import { type BlurOptions, randomBlur } from "./blur.ts";
import { type ColourOptions, randomColours } from "./colour.ts";
import { type EraseOptions, randomErase } from "./erase.ts";
import { type GeometryOptions, randomMoves } from "./geometry.ts";
import { type MixOptions, mixer } from "./mix.ts";

/** What an {@link augmenter} draws for each image, independently. Masks move with their images. */
export interface AugmentOptions extends GeometryOptions, MixOptions {
  /** For images with three channels; brightness and contrast for any. */
  colour?: ColourOptions | undefined;
  blur?: BlurOptions | undefined;
  erase?: EraseOptions | undefined;
}

const KEYS = {
  colour: ["brightness", "contrast", "saturation", "hue", "probability", "grey"],
  blur: ["probability", "sigma", "kernelSize"],
  erase: ["probability", "area", "ratio", "value"],
} as const satisfies { [K in keyof AugmentOptions]?: readonly (keyof NonNullable<AugmentOptions[K]>)[] };
const OWN_KEYS = [
  ...["size", "translate", "subpixel", "scale", "crop", "rotate", "flip", "interpolation", "fill"],
  ...["mixup", "cutmix", "colour", "blur", "erase"],
];

/** Changes examples [N, ...sizes, C] at random; may return its argument. */
export type Augment = (
  examples: FloatExamples,
  shape: SampleShape,
  random: Random,
  classes: number,
) => FloatExamples;

/** The standardisation `(x − mean) / std` of each channel, of pixels in [0, 1]. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * A function that changes every example of a batch: colours and blur, then standardisation, then geometry (so that a
 * fill of 0 is the mean of standardised images), then erasing.
 *
 * @throws GmrError `invalid-argument`, naming the option and what was expected
 */
export function augmenter(options: AugmentOptions, normalization?: Normalization): Augment {
  checkKeys("the options of augment", options, OWN_KEYS);
  for (const key of ["colour", "blur", "erase"] as const) {
    if (options[key] !== undefined) checkKeys(`the options of augment.${key}`, options[key], KEYS[key]);
  }
  const colours = options.colour && randomColours(options.colour);
  const blur = options.blur && randomBlur(options.blur);
  const moves = randomMoves(options);
  const erase = options.erase && randomErase(options.erase);
  const mix = mixer(options);
  return ({ images, labels }, shape, random, classes) => {
    const count = countImages(images, shape);
    const channels = shape[shape.length - 1];
    let examples: FloatExamples = { images, labels };
    if (colours || blur) {
      const changed = Float32Array.from(images);
      const each = changed.length / count;
      for (let n = 0; n < count; n++) {
        const image = changed.subarray(n * each, (n + 1) * each);
        colours?.(image, channels, random);
        blur?.(image, shape, random);
      }
      examples = { images: changed, labels };
    }
    if (normalization) examples = { images: normalize(examples.images, channels, normalization), labels };
    if (moves) examples = moves(examples, shape, random);
    const outShape = [...(options.size ?? shape.slice(0, -1)), channels];
    if (erase) {
      const erased = Float32Array.from(examples.images);
      const each = erased.length / count;
      for (let n = 0; n < count; n++) erase(erased.subarray(n * each, (n + 1) * each), outShape, random);
      examples = { images: erased, labels: examples.labels };
    }
    if (options.size) examples = { ...examples, shape: outShape };
    if (!mix) return examples;
    return { ...examples, ...mix(examples.images, examples.labels, outShape, classes, random) };
  };
}

/**
 * `(x − mean) / std` of each channel; a new array.
 * @throws GmrError `invalid-argument` unless there is a mean and a deviation for each channel
 */
export function normalize(
  images: Float32Array,
  channels: number,
  { mean, std }: Normalization,
): Float32Array {
  if (mean.length !== channels || std.length !== channels) {
    throw new GmrError(
      "invalid-argument",
      `normalization has ${mean.length} means and ${std.length} deviations, the images have ${channels} channels`,
    );
  }
  const result = new Float32Array(images.length);
  for (let i = 0; i < images.length; i += channels) {
    for (let c = 0; c < channels; c++) result[i + c] = (images[i + c] - mean[c]) / std[c];
  }
  return result;
}
