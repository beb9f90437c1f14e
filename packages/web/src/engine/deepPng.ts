// PNG files with 16 bits per channel, whose range is a matter of the network: browsers would keep the upper eight bits.

import { convertChannels, limitsOf, MAX_16_BIT, resizeImage, scaled } from "@gmr-conv/data";
import { decode } from "fast-png";
import type { OpenImage } from "./openImage.ts";

/** Backgrounds count from 0 to 255. */
const DEEPER = 256;

/** @throws Error for a damaged file */
export function openDeepPng(bytes: Uint8Array): OpenImage {
  const { width, height, channels, data } = decode(bytes);
  const own = channels < 3 ? 1 : 3;
  const deep = (background: readonly number[]): Uint16Array =>
    convertChannels(
      Uint16Array.from(background, (value) => DEEPER * value),
      3,
      own,
    );
  const flat = (background: readonly number[]): Uint16Array =>
    onBackground(data as Uint16Array, channels, deep(background));
  return {
    width,
    height,
    fitted([h, w, c], { resize = "crop", background = [0, 0, 0], range = "auto" }) {
      const sized = resizeImage(flat(background), [height, width, own], [h, w], resize, [
        ...deep(background),
      ]);
      return scaled(convertChannels(sized, own, c as 1 | 3), range, MAX_16_BIT);
    },
    reader(c, { background = [0, 0, 0], range = "auto" }) {
      const whole = flat(background);
      const limits = limitsOf(whole, range, MAX_16_BIT);
      return (top, rows) => {
        const part = whole.subarray(top * width * own, (top + rows) * width * own);
        return scaled(convertChannels(part, own, c as 1 | 3), limits, MAX_16_BIT);
      };
    },
    close: () => undefined,
  };
}

/** Pixels without their last channel if that is alpha, laid on a background. */
function onBackground(data: Uint16Array, channels: number, background: Uint16Array): Uint16Array {
  if (channels % 2 === 1) return data;
  const own = channels - 1;
  return Uint16Array.from({ length: (data.length / channels) * own }, (_, i) => {
    const pixel = Math.floor(i / own) * channels;
    const alpha = data[pixel + own] / MAX_16_BIT;
    return Math.round(alpha * data[pixel + (i % own)] + (1 - alpha) * background[i % own]);
  });
}
