// Test images: smooth, so that interpolation changes them little, and fading out before the border, so that turning
// loses nothing.

import { checkFits, describeValue, product, Random } from "@gmr-conv/core";
import type { Images } from "./target.ts";

/** Waves that add up to one channel. */
const WAVES = 16;

/**
 * Smooth random images, reproducible by `seed`: each channel a sum of waves with normally distributed frequencies,
 * which approximates a Gaussian process with variance 1 and correlation exp(-½(d/l)²) at distance d
 * (Rahimi and Recht, "Random features for large-scale kernel machines", 2007).
 *
 * @param shape [N, ...spatial, C]; l is a sixth of the smallest spatial size, but from 1.5 to 5 pixels
 * @throws GmrError `invalid-argument` for images that do not fit into memory
 */
export function smoothImages(shape: readonly number[], seed: number): Images {
  const random = new Random(seed);
  const sizes = shape.slice(1, -1);
  const channels = shape[shape.length - 1];
  const pixels = product(sizes);
  const length = Math.min(5, Math.max(1.5, Math.min(...sizes) / 6));
  checkFits(`images of shape ${describeValue(shape)}`, product(shape), "numbers");
  const image = new Float32Array(product(shape));
  for (let n = 0; n < shape[0]; n++) {
    for (let c = 0; c < channels; c++) {
      const waves = Array.from({ length: WAVES }, () => ({
        phase: random.uniform(0, 2 * Math.PI),
        frequencies: sizes.map(() => random.normal(0, 1 / length)),
      }));
      forEachPixel(sizes, (pixel, place) => {
        let sum = 0;
        for (const { phase, frequencies } of waves) {
          sum += Math.cos(
            frequencies.reduce((angle, frequency, axis) => angle + frequency * place[axis], phase),
          );
        }
        image[(n * pixels + pixel) * channels + c] = Math.sqrt(2 / WAVES) * sum;
      });
    }
  }
  return { image, shape };
}

/** Images faded out towards the border of the inscribed disc or ball: 1 up to half its radius, then a cosine to 0. */
export function fadeOut({ image, shape }: Images): Images {
  const sizes = shape.slice(1, -1);
  const end = (Math.min(...sizes) - 1) / 2 || 1; // one pixel is its own centre
  const window = new Float32Array(product(sizes));
  forEachPixel(sizes, (pixel, place) => {
    const way = Math.min(1, Math.max(0, (2 * Math.hypot(...place)) / end - 1));
    window[pixel] = Math.cos((Math.PI / 2) * way) ** 2;
  });
  const channels = shape[shape.length - 1];
  return { image: image.map((value, i) => value * window[Math.floor(i / channels) % window.length]), shape };
}

/** The pixels of feature maps that turning fills from inside, less a margin of a tenth of their size, at least 1. */
export function innerPixels(sizes: readonly number[]): boolean[] {
  const size = Math.min(...sizes);
  const end = Math.max(0, (size - 1) / 2 - Math.max(1, size / 10));
  const inside = new Array<boolean>(product(sizes));
  forEachPixel(sizes, (pixel, place) => {
    inside[pixel] = Math.hypot(...place) <= end;
  });
  return inside;
}

/** Calls `visit` with the index of each pixel, in order, and its position relative to the centre. */
function forEachPixel(sizes: readonly number[], visit: (pixel: number, place: number[]) => void): void {
  const strides = sizes.map((_, axis) => product(sizes.slice(axis + 1)));
  for (let pixel = 0; pixel < product(sizes); pixel++) {
    visit(
      pixel,
      sizes.map((size, axis) => (Math.floor(pixel / strides[axis]) % size) - (size - 1) / 2),
    );
  }
}
