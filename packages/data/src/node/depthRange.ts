// The limits of deep image files, without having them in memory.

import { type DepthRange, HIGH_SHARE, LOW_SHARE, limitsOf, MAX_16_BIT } from "../depthRange.ts";
import { guarded, imageInfo, isGrey } from "./imageInfo.ts";
import { type ImageInput, nameOfImage, openImage } from "./openImage.ts";

/** Numbers per strip that {@link imageLimits} reads. */
const STRIP = 2 ** 24;

/**
 * The values of an image that become 0 and 1, so that parts of it are scaled like the whole. Reads the image once,
 * strip by strip.
 * @returns undefined for 8-bit images, which are not scaled
 * @throws GmrError as `decodeImage`
 */
export async function imageLimits(
  file: ImageInput,
  range: DepthRange = "auto",
): Promise<readonly [low: number, high: number] | undefined> {
  const { height, width, depth } = await imageInfo(file);
  if (depth <= 8) return undefined;
  if (range !== "auto" && range !== "image") return limitsOf([], range, MAX_16_BIT);
  return guarded(nameOfImage(file), async () => {
    const counts = await histogram(file, height, width);
    const total = counts.reduce((a, b) => a + b, 0);
    const at = (share: number): number => {
      let left = Math.round(share * (total - 1));
      return counts.findIndex((count) => {
        left -= count;
        return left < 0;
      });
    };
    return range === "image" ? [at(0), at(1)] : [at(LOW_SHARE), at(HIGH_SHARE)];
  });
}

/** How often each 16-bit value occurs in an image. */
async function histogram(file: ImageInput, height: number, width: number): Promise<Float64Array> {
  const { space } = await openImage(file).metadata();
  const counts = new Float64Array(MAX_16_BIT + 1);
  const rows = Math.max(1, Math.floor(STRIP / width));
  for (let top = 0; top < height; top += rows) {
    const { data } = await openImage(file, { failOn: "warning" })
      .extract({ left: 0, top, width, height: Math.min(rows, height - top) })
      .toColourspace(isGrey(space) ? "grey16" : "rgb16")
      .removeAlpha()
      .raw({ depth: "ushort" })
      .toBuffer({ resolveWithObject: true });
    for (const value of new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)) counts[value]++;
  }
  return counts;
}
