/**
 * Reading images and volumes between their pixels. A place on an axis is read from a few pixels with weights that add
 * up to 1; pixels outside the image are filled in one of several ways. Cubic: the convolution kernel of Keys 1981
 * with a = -½ (https://doi.org/10.1109/TASSP.1981.1163711).
 */
import { type KeysOf, oneOf } from "@gmr-conv/core";
import { checkFill, type Fill, mirroredIndex, nearestIndex } from "@gmr-conv/core/equivariance";

export type Interpolation = "nearest" | "linear" | "cubic";

export interface SamplingOptions {
  /** Default `"linear"`. */
  interpolation?: Interpolation | undefined;
  /** What lies outside the images; default 0, black. Bright-field slides have a white border: 1, or `"replicate"`. */
  fill?: Fill | undefined;
}

export const SAMPLING_KEYS: KeysOf<SamplingOptions> = { interpolation: true, fill: true };

export interface Sampling {
  interpolation: Interpolation;
  /** One number per channel, or a rule. */
  fill: Float64Array | "reflect" | "replicate";
}

/** Checks options and fills in defaults. @throws GmrError `invalid-argument` */
export function planSampling(options: SamplingOptions, channels: number): Sampling {
  const interpolation = oneOf("interpolation", options.interpolation ?? "linear", [
    "nearest",
    "linear",
    "cubic",
  ]);
  return { interpolation, fill: checkFill(options.fill ?? 0, channels) };
}

/** Number of pixels per axis that a place is read from. */
export const TAPS: Readonly<Record<Interpolation, number>> = { nearest: 1, linear: 2, cubic: 4 };

/** Closer to a pixel than this, a place is on it, so that turns by 90° are exact. */
const ON_PIXEL = 1e-9;

/**
 * The pixels that a place on an axis is read from, and their weights.
 * @param indices filled with pixels in [0, size), or -1 for those outside
 */
export function readAxis(
  place: number,
  size: number,
  { interpolation, fill }: Sampling,
  indices: Int32Array,
  weights: Float64Array,
): void {
  const rounded = Math.round(place);
  const at = Math.abs(place - rounded) < ON_PIXEL ? rounded : place;
  const first = Math.floor(at);
  const t = at - first;
  switch (interpolation) {
    case "nearest":
      indices[0] = Math.floor(at + 0.5);
      weights[0] = 1;
      break;
    case "linear":
      indices[0] = first;
      indices[1] = first + 1;
      weights[0] = 1 - t;
      weights[1] = t;
      break;
    case "cubic":
      for (let tap = 0; tap < 4; tap++) indices[tap] = first - 1 + tap;
      weights[0] = ((-0.5 * t + 1) * t - 0.5) * t;
      weights[1] = (1.5 * t - 2.5) * t * t + 1;
      weights[2] = ((-1.5 * t + 2) * t + 0.5) * t;
      weights[3] = (0.5 * t - 0.5) * t * t;
      break;
  }
  for (let tap = 0; tap < TAPS[interpolation]; tap++) {
    const index = indices[tap];
    if (index >= 0 && index < size) continue;
    indices[tap] =
      fill === "reflect" ? mirroredIndex(index, size) : fill === "replicate" ? nearestIndex(index, size) : -1;
  }
}
