// Mixing pairs of images of a batch with their labels: mixup (Zhang et al. 2018, https://arxiv.org/abs/1710.09412)
// and CutMix (Yun et al. 2019, https://arxiv.org/abs/1905.04899).

import { GmrError, product, type Random } from "@gmr-conv/core";
import { forBox } from "../box.ts";
import { checkAmount } from "./checks.ts";

export interface MixOptions {
  /** α of the Beta distribution of the share of the first image, for mixup. Default 0: off. */
  mixup?: number | undefined;
  /** α for CutMix. Default 0: off. With both, each batch is mixed in one of the two ways. */
  cutmix?: number | undefined;
}

/** Images, with shares of the classes [N, K] instead of labels. */
export interface Mixed {
  images: Float32Array;
  shares: Float32Array;
}

type Mix = (
  images: Float32Array,
  labels: Int32Array,
  shape: readonly number[],
  classes: number,
  random: Random,
) => Mixed;

/** Mixes a batch; undefined if there is nothing to do. */
export function mixer(options: MixOptions): Mix | undefined {
  const mixup = checkAmount("mixup", options.mixup ?? 0);
  const cutmix = checkAmount("cutmix", options.cutmix ?? 0);
  if (mixup + cutmix === 0) return undefined;
  return (images, labels, shape, classes, random) => {
    const count = labels.length;
    const each = images.length / count;
    if (each !== product(shape)) {
      throw new GmrError("unsupported", "mixup and cutmix are for one label per image, not for masks");
    }
    const cut = mixup === 0 || (cutmix > 0 && random.uniform() < 0.5);
    const share = beta(random, cut ? cutmix : mixup);
    const partners = random.shuffle(Int32Array.from({ length: count }, (_, i) => i));
    const mixed = Float32Array.from(images);
    let first = share;
    if (cut) {
      const sizes = shape.slice(0, -1);
      const channels = shape[sizes.length];
      const side = (1 - share) ** (1 / sizes.length);
      const box = sizes.map((size) => Math.round(size * side));
      const begin = sizes.map((size, axis) => random.int(size - box[axis] + 1));
      forBox(sizes, begin, box, (position) => {
        for (let n = 0; n < count; n++) {
          for (let c = 0; c < channels; c++) {
            const at = position * channels + c;
            mixed[n * each + at] = images[partners[n] * each + at];
          }
        }
      });
      first = 1 - product(box) / product(sizes);
    } else {
      for (let n = 0; n < count; n++) {
        for (let i = 0; i < each; i++) {
          mixed[n * each + i] = share * images[n * each + i] + (1 - share) * images[partners[n] * each + i];
        }
      }
    }
    const shares = new Float32Array(count * classes);
    for (let n = 0; n < count; n++) {
      shares[n * classes + labels[n]] += first;
      shares[n * classes + labels[partners[n]]] += 1 - first;
    }
    return { images: mixed, shares };
  };
}

/** A draw from Beta(α, α), as a quotient of two Gamma(α) draws. */
function beta(random: Random, alpha: number): number {
  const [a, b] = [gamma(random, alpha), gamma(random, alpha)];
  return a + b === 0 ? random.int(2) : a / (a + b);
}

/** A draw from Gamma(α, 1) (Marsaglia and Tsang 2000). */
function gamma(random: Random, alpha: number): number {
  if (alpha < 1) return gamma(random, alpha + 1) * (1 - random.uniform()) ** (1 / alpha);
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
