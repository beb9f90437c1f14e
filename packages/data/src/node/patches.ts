// Cutting images and volumes with their masks into patches.

import { GmrError, product } from "@gmr-conv/core";
import { forBox } from "../box.ts";

/** An image or volume [...sizes, C] with its mask [...sizes]. */
export interface MaskedImage {
  image: { data: Uint8Array | Float32Array; shape: number[] };
  mask: { data: ArrayLike<number>; shape: number[] };
  /** Its file, for errors. */
  source: string;
}

export interface Patch {
  image: Uint8Array | Float32Array;
  mask: Int32Array;
  /** Where it begins; undefined for whole images. */
  place?: number[];
}

/**
 * The patches of an image, in row-major order; without a size, the image as a whole.
 * @param stride steps between patches, default their size
 * @throws GmrError `invalid-argument` for patches larger than the image
 */
export function patches(
  { image, mask, source }: MaskedImage,
  { patch, stride }: { patch?: readonly number[] | undefined; stride?: readonly number[] | undefined },
): Patch[] {
  const sizes = mask.shape;
  if (!patch) return [{ image: image.data, mask: Int32Array.from(mask.data) }];
  if (patch.length !== sizes.length || patch.some((size, axis) => size > sizes[axis])) {
    throw new GmrError("invalid-argument", `patch [${patch}] of ${source}: expected at most [${sizes}]`);
  }
  const steps = stride ?? patch;
  const starts = sizes.map((size, axis) => {
    const list: number[] = [];
    for (let at = 0; at + patch[axis] <= size; at += steps[axis]) list.push(at);
    return list;
  });
  const channels = image.shape[sizes.length];
  const places = starts.reduce<number[][]>(
    (all, own) => all.flatMap((head) => own.map((at) => [...head, at])),
    [[]],
  );
  const numbers = product(patch);
  const Pixels = image.data instanceof Uint8Array ? Uint8Array : Float32Array;
  return places.map((place) => ({
    place,
    image: cut(image.data, sizes, channels, place, patch, new Pixels(numbers * channels)),
    mask: cut(mask.data, sizes, 1, place, patch, new Int32Array(numbers)),
  }));
}

/** Copies a box of [...sizes, channels]. */
function cut<T extends { [index: number]: number }>(
  data: ArrayLike<number>,
  sizes: readonly number[],
  channels: number,
  begin: readonly number[],
  box: readonly number[],
  out: T,
): T {
  let to = 0;
  forBox(sizes, begin, box, (position) => {
    for (let c = 0; c < channels; c++) out[to++] = data[position * channels + c];
  });
  return out;
}
