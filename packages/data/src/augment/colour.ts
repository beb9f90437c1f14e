// Random changes of colour. Pixels lie in [0, 1]; grey is ITU-R 601 luma, as in PIL and torchvision.

import { GmrError, type Random } from "@gmr-conv/core";
import { checkAmount, checkProbability } from "./checks.ts";

export interface ColourOptions {
  /** Multiply by a factor from [1 − b, 1 + b]. Default 0. */
  brightness?: number | undefined;
  /** Move away from the image's mean grey by a factor from [1 − c, 1 + c]. Default 0. */
  contrast?: number | undefined;
  /** Move away from each pixel's grey by a factor from [1 − s, 1 + s]. Default 0. */
  saturation?: number | undefined;
  /** Turn hues by up to this share of the circle to each side, at most 0.5. Default 0. */
  hue?: number | undefined;
  /** Probability that an image is changed at all. Default 1. */
  probability?: number | undefined;
  /** Probability that an image becomes grey. Default 0. */
  grey?: number | undefined;
}

type Change = (pixels: Float32Array, random: Random) => void;

/** Changes the colours of one image [H, W, C] in place; undefined if there is nothing to do. */
export function randomColours(
  options: ColourOptions,
): ((image: Float32Array, channels: number, random: Random) => void) | undefined {
  const amount = (name: "brightness" | "contrast" | "saturation" | "hue"): number =>
    checkAmount(`colour.${name}`, options[name] ?? 0);
  const [b, c, s, h] = [amount("brightness"), amount("contrast"), amount("saturation"), amount("hue")];
  if (h > 0.5) throw new GmrError("invalid-argument", `colour.hue must be at most 0.5, got ${h}`);
  const probability = checkProbability("colour.probability", options.probability ?? 1);
  const grey = checkProbability("colour.grey", options.grey ?? 0);
  if (b + c + s + h + grey === 0) return undefined;
  const factor = (random: Random, reach: number): number => random.uniform(Math.max(0, 1 - reach), 1 + reach);
  return (image, channels, random) => {
    if (channels !== 3 && s + h + grey > 0) {
      throw new GmrError(
        "invalid-argument",
        `colour: saturation, hue and grey are for images of 3 channels, got ${channels}`,
      );
    }
    if (random.uniform() < probability) {
      const changes: Change[] = [];
      if (b > 0) changes.push((pixels, r) => blend(pixels, factor(r, b), () => 0, channels));
      if (c > 0)
        changes.push((pixels, r) =>
          blend(pixels, factor(r, c), constant(meanGrey(pixels, channels)), channels),
        );
      if (s > 0) changes.push((pixels, r) => blend(pixels, factor(r, s), (at) => luma(pixels, at), channels));
      if (h > 0) changes.push((pixels, r) => turnHues(pixels, r.uniform(-h, h)));
      for (const change of random.shuffle(changes)) change(image, random);
    }
    if (grey > 0 && random.uniform() < grey) blend(image, 0, (at) => luma(image, at), channels);
  };
}

const constant = (value: number) => (): number => value;

const luma = (pixels: Float32Array, at: number): number =>
  0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2];

function meanGrey(pixels: Float32Array, channels: number): number {
  let sum = 0;
  for (let at = 0; at < pixels.length; at += channels) sum += channels === 3 ? luma(pixels, at) : pixels[at];
  return (sum * channels) / pixels.length;
}

/** pixel · factor + other · (1 − factor), kept in [0, 1]. */
function blend(pixels: Float32Array, factor: number, other: (at: number) => number, channels: number): void {
  for (let at = 0; at < pixels.length; at += channels) {
    const base = (1 - factor) * other(at);
    for (let k = 0; k < channels; k++) {
      pixels[at + k] = Math.min(1, Math.max(0, pixels[at + k] * factor + base));
    }
  }
}

/** Turns the hue (of HSV) of every pixel by a share of the circle. */
function turnHues(pixels: Float32Array, share: number): void {
  for (let at = 0; at < pixels.length; at += 3) {
    const [r, g, b] = [pixels[at], pixels[at + 1], pixels[at + 2]];
    const max = Math.max(r, g, b);
    const spread = max - Math.min(r, g, b);
    if (spread === 0) continue;
    const sixth = max === r ? (g - b) / spread : max === g ? 2 + (b - r) / spread : 4 + (r - g) / spread;
    const hue = (((sixth / 6 + share) % 1) + 1) % 1;
    // Each channel is max minus the part of the spread that its distance from the hue takes away.
    const channel = (n: number): number => {
      const k = (n + hue * 6) % 6;
      return max - spread * Math.max(0, Math.min(k, 4 - k, 1));
    };
    pixels[at] = channel(5);
    pixels[at + 1] = channel(3);
    pixels[at + 2] = channel(1);
  }
}
