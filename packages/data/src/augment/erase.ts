// Random erasing (Zhong et al. 2020, https://arxiv.org/abs/1708.04896).

import { GmrError, type Random } from "@gmr-conv/core";
import { forBox } from "../box.ts";
import { checkProbability, checkRange } from "./checks.ts";

export interface EraseOptions {
  /** Probability that a box of an image is erased. Default 0. */
  probability?: number | undefined;
  /** Range of the box's area, as a share of the image. Default [0.02, 0.33]. */
  area?: readonly [min: number, max: number] | undefined;
  /** Range of its height over its width; boxes of volumes keep their proportions. Default [0.3, 3.3]. */
  ratio?: readonly [min: number, max: number] | undefined;
  /** What it is filled with: normal noise, or a number. Default `"noise"`. */
  value?: "noise" | number | undefined;
}

/** Erases a box of one image or volume [...sizes, C] in place; undefined if there is nothing to do. */
export function randomErase(
  options: EraseOptions,
): ((image: Float32Array, shape: readonly number[], random: Random) => void) | undefined {
  const probability = checkProbability("erase.probability", options.probability ?? 0);
  const { area = [0.02, 0.33], ratio = [0.3, 3.3], value = "noise" } = options;
  checkRange("erase.area", area);
  checkRange("erase.ratio", ratio);
  if (area[1] > 1)
    throw new GmrError("invalid-argument", `erase.area [${area}], expected shares of at most 1`);
  if (value !== "noise" && !Number.isFinite(value)) {
    throw new GmrError("invalid-argument", `erase.value must be "noise" or a number, got ${value}`);
  }
  if (probability === 0) return undefined;
  return (image, shape, random) => {
    if (random.uniform() >= probability) return;
    const sizes = shape.slice(0, -1);
    const channels = shape[sizes.length];
    for (let attempt = 0; attempt < 10; attempt++) {
      const share = random.uniform(area[0], area[1]);
      const aspect = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
      const shares =
        sizes.length === 2
          ? [Math.sqrt(share * aspect), Math.sqrt(share / aspect)]
          : sizes.map(() => share ** (1 / 3));
      const box = sizes.map((size, axis) => Math.round(size * shares[axis]));
      if (box.some((length, axis) => length < 1 || length > sizes[axis])) continue;
      const begin = sizes.map((size, axis) => random.int(size - box[axis] + 1));
      forBox(sizes, begin, box, (position) => {
        for (let c = 0; c < channels; c++)
          image[position * channels + c] = value === "noise" ? random.normal() : value;
      });
      return;
    }
  };
}
