// Runs on pictures of discs, trained in seconds.

import { mkdirSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { expect } from "vitest";
import { gmr } from "./cli.ts";

/** Dark discs of some radius on noise, [height, width] with their mask. */
export function discs(
  height: number,
  width: number,
  places: [y: number, x: number, radius: number][],
  seed = 1,
) {
  let state = seed;
  const noise = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return (state / 2 ** 31) * 40;
  };
  const mask = Uint8Array.from({ length: height * width }, (_, i) =>
    Number(places.some(([y, x, r]) => Math.hypot(Math.floor(i / width) - y, (i % width) - x) <= r)),
  );
  return { pixels: mask.map((inside) => Math.round((inside ? 60 : 180) + noise())), mask };
}

export async function put(file: string, pixels: Uint8Array | Uint16Array, width: number): Promise<void> {
  mkdirSync(path.dirname(file), { recursive: true });
  const image = sharp(pixels, { raw: { width, height: pixels.length / width, channels: 1 } });
  image.toColourspace(pixels instanceof Uint16Array ? "grey16" : "b-w");
  if (file.endsWith("tiff"))
    image.tiff({ compression: "deflate", tile: true, tileWidth: 64, tileHeight: 64 });
  await image.toFile(file);
}

/**
 * Trains runs `c`, which tells small discs from large ones (`classes/`), and `s`, which segments discs (`masks/`).
 * @param root their folder, with the images, and the runs in `runs/`
 */
export async function trainOnDiscs(root: string): Promise<void> {
  const runs = path.join(root, "runs");
  for (let i = 0; i < 24; i++) {
    for (const [name, radius] of [
      ["small", 2],
      ["large", 5],
    ] as const) {
      const { pixels } = discs(16, 16, [[6 + (i % 5), 6 + (i % 4), radius]], i + 1);
      await put(path.join(root, "classes", name, `${i}.png`), pixels, 16);
    }
    const { pixels, mask } = discs(32, 32, [[8 + (i % 16), 10 + (i % 13), 3 + (i % 4)]], i + 1);
    await put(path.join(root, "masks", "images", `${i}.png`), pixels, 32);
    await put(path.join(root, "masks", "masks", `${i}.png`), mask, 32);
  }
  const train = (name: string, dataset: string, folder: string, epochs: string) => {
    const of = ["--dataset", dataset, "--folder", path.join(root, folder), "--epochs", epochs];
    return gmr(["train", "--runs", runs, "--name", name, "--batch-size", "8", ...of]);
  };
  const outcomes = [await train("c", "folder", "classes", "8"), await train("s", "masks", "masks", "20")];
  for (const { code, stderr } of outcomes) expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
}
