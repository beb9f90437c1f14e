// Against sharp, with which training images are read.

import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { decodeImage } from "./node.ts";
import { type ResizeRule, resizeImage } from "./resize.ts";

const FIT = { crop: "cover", stretch: "fill", pad: "contain" } as const;
const RULES = ["crop", "stretch", "pad"] as const;

const photograph = (name: string): string =>
  fileURLToPath(new URL(`../../../tooling/fixtures/photographs/${name}`, import.meta.url));

/** Largest and mean difference, of 255. */
function differences(a: ArrayLike<number>, b: ArrayLike<number>): { most: number; mean: number } {
  expect(a.length).toBe(b.length);
  const all = Array.from(a, (value, i) => Math.abs(value - b[i]));
  return {
    most: all.reduce((largest, value) => Math.max(largest, value), 0),
    mean: all.reduce((sum, value) => sum + value, 0) / all.length,
  };
}

/** [height, width] of images, and of the results. */
const SIZES: readonly (readonly [number, number, number, number])[] = [
  [100, 100, 28, 28],
  [97, 133, 28, 28],
  [600, 512, 224, 224],
  [333, 1000, 64, 64],
  [20, 20, 28, 28],
  [10, 31, 28, 28],
  [41, 29, 28, 28],
  [200, 30, 64, 64],
  [7, 300, 32, 16],
];

it("brings noise to other sizes as sharp does", async () => {
  let state = 1;
  const noise = (): number => {
    state = (state * 48_271) % 0x7fffffff;
    return state % 256;
  };
  const background = [9, 8, 7];
  const [r, g, b] = background;
  for (const [height, width, h, w] of SIZES) {
    const pixels = Uint8Array.from({ length: height * width * 3 }, noise);
    for (const rule of RULES) {
      const expected = await sharp(pixels, { raw: { width, height, channels: 3 } })
        .resize({ height: h, width: w, fit: FIT[rule], kernel: "linear", background: { r, g, b } })
        .raw()
        .toBuffer();
      const { most, mean } = differences(
        resizeImage(pixels, [height, width, 3], [h, w], rule, background),
        expected,
      );
      expect.soft(most, `${rule} ${height}×${width} to ${h}×${w}`).toBeLessThanOrEqual(3);
      expect(mean).toBeLessThan(0.5);
    }
  }
});

it("brings photographs to other sizes as decodeImage does, JPEG files included", async () => {
  const worst: Record<string, string> = {};
  for (const name of ["rocket.jpg", "cell.png"]) {
    const { data, info } = await sharp(photograph(name))
      .toColourspace("srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    const jpeg = name.endsWith(".jpg");
    const shape = [info.height, info.width, info.channels] as const;
    let [most, mean] = [0, 0];
    for (const side of [28, 32, 64, 100, 128, 224, 500]) {
      for (const resize of RULES) {
        const expected = await decodeImage(photograph(name), { size: [side, side], resize, channels: 3 });
        const found = resizeImage(new Uint8Array(data), shape, [side, side], resize, [0, 0, 0], jpeg);
        const difference = differences(found, expected.data);
        most = Math.max(most, difference.most);
        mean = Math.max(mean, difference.mean);
      }
    }
    worst[name] = `at most ${most}, mean at most ${mean.toFixed(2)} of 255`;
    expect(most).toBeLessThanOrEqual(jpeg ? 16 : 3);
    expect(mean).toBeLessThan(0.5);
  }
  console.log("difference from sharp:", worst);
});

it("keeps floats, and refuses other sizes if told to", () => {
  const ramp = Float32Array.from({ length: 8 * 8 }, (_, i) => (i % 8) / 8);
  const half = resizeImage(ramp, [8, 8, 1], [4, 4], "stretch", [0]);
  expect(half).toBeInstanceOf(Float32Array);
  expect(half[1]).toBeCloseTo(2.5 / 8, 6);
  expect(resizeImage(ramp, [8, 8, 1], [8, 8], "none", [0])).toBe(ramp);
  expectGmrError(
    () => resizeImage(ramp, [8, 8, 1], [4, 8], "none" satisfies ResizeRule, [0]),
    "invalid-data",
    "8×8 pixels, expected 4×8",
  );
});
