/** Random changes of training examples, seeded and reproducible. */
import { checkKeys, GmrError, type KeysOf, Random } from "@gmr-conv/core";
import { countImages } from "../affine.ts";
import type { FloatExamples } from "../dataset.ts";
import type { SampleShape } from "../imageSet.ts";
import { deriveSeed } from "../seed.ts";
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

const KEYS: KeysOf<AugmentOptions> = {
  size: true,
  translate: true,
  subpixel: true,
  scale: true,
  crop: true,
  rotate: true,
  flip: true,
  interpolation: true,
  fill: true,
  mixup: true,
  cutmix: true,
  colour: true,
  blur: true,
  erase: true,
};
const COLOUR_KEYS: KeysOf<ColourOptions> = {
  brightness: true,
  contrast: true,
  saturation: true,
  hue: true,
  probability: true,
  grey: true,
};
const BLUR_KEYS: KeysOf<BlurOptions> = { probability: true, sigma: true, kernelSize: true };
const ERASE_KEYS: KeysOf<EraseOptions> = { probability: true, area: true, ratio: true, value: true };
const NORMALIZATION_KEYS: KeysOf<Normalization> = { mean: true, std: true };

/** @throws GmrError `invalid-argument` for an unknown key, here or in the options of a part */
function checkNames({ colour, blur, erase }: AugmentOptions): void {
  if (colour !== undefined) checkKeys("the options of augment.colour", colour, COLOUR_KEYS);
  if (blur !== undefined) checkKeys("the options of augment.blur", blur, BLUR_KEYS);
  if (erase !== undefined) checkKeys("the options of augment.erase", erase, ERASE_KEYS);
}

/** Changes examples [N, ...sizes, C] at random; may return its argument. */
export interface Augment {
  /** @param first position in the batch of the first example, if they are a part of one (see `perImage`) */
  (
    examples: FloatExamples,
    shape: SampleShape,
    random: Random,
    classes: number,
    first?: number,
  ): FloatExamples;
  /**
   * Whether what happens to an image depends on nothing but `random` and the image's position in the batch, so that a
   * part of a batch can be made without the rest. Default false.
   */
  readonly perImage?: boolean | undefined;
}

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
  checkNames(checkKeys("the options of augment", options, KEYS));
  if (normalization) checkKeys("the numbers of a normalization", normalization, NORMALIZATION_KEYS);
  const colours = options.colour && randomColours(options.colour);
  const blur = options.blur && randomBlur(options.blur);
  const moves = randomMoves(options);
  const erase = options.erase && randomErase(options.erase);
  const mix = mixer(options);
  const augment = (
    { images, labels }: FloatExamples,
    shape: SampleShape,
    random: Random,
    classes: number,
    first = 0,
  ): FloatExamples => {
    const count = countImages(images, shape);
    const seed = random.bits();
    const randoms = Array.from({ length: count }, (_, n) => new Random(deriveSeed(seed, first + n)));
    const channels = shape[shape.length - 1];
    let examples: FloatExamples = { images, labels };
    if (colours || blur) {
      const changed = Float32Array.from(images);
      const each = changed.length / count;
      for (let n = 0; n < count; n++) {
        const image = changed.subarray(n * each, (n + 1) * each);
        colours?.(image, channels, randoms[n]);
        blur?.(image, shape, randoms[n]);
      }
      examples = { images: changed, labels };
    }
    if (normalization) examples = { images: normalize(examples.images, channels, normalization), labels };
    if (moves) examples = moves(examples, shape, randoms);
    const outShape = [...(options.size ?? shape.slice(0, -1)), channels];
    if (erase) {
      const erased = Float32Array.from(examples.images);
      const each = erased.length / count;
      for (let n = 0; n < count; n++) erase(erased.subarray(n * each, (n + 1) * each), outShape, randoms[n]);
      examples = { images: erased, labels: examples.labels };
    }
    if (options.size) examples = { ...examples, shape: outShape };
    if (!mix) return examples;
    return { ...examples, ...mix(examples.images, examples.labels, outShape, classes, random) };
  };
  return Object.assign(augment, { perImage: mix === undefined });
}

/**
 * `(x − mean) / std` of each channel; a new array.
 * @throws GmrError `invalid-argument` unless there is a mean and a deviation for each channel
 */
export function normalize(
  images: Float32Array,
  channels: number,
  normalization: Normalization,
): Float32Array {
  const { mean, std } = checkKeys("the numbers of a normalization", normalization, NORMALIZATION_KEYS);
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
