/** MNIST: 28×28 grey images of the digits 0…9 in IDX files (also Fashion-MNIST and others in this layout). */
import { checkKeys, GmrError, type KeysOf } from "@gmr-conv/core";
import type { ImageSet } from "../imageSet.ts";
import { type IdxArray, readIdx } from "./idx.ts";

const DIGITS = Array.from({ length: 10 }, (_, digit) => String(digit));

/** Names for error messages and for the set. */
export interface MnistNames {
  /** The set's name, default "MNIST". */
  set?: string;
  /** The image file, for error messages. */
  images?: string;
  /** The label file, for error messages. */
  labels?: string;
  /** Names of the classes; default: the digits. */
  classNames?: readonly string[] | undefined;
}

const KEYS: KeysOf<MnistNames> = { set: true, images: true, labels: true, classNames: true };

/**
 * The image set of a pair of IDX files. The pixels are a view of `imagesBytes`.
 *
 * @param imagesBytes uint8 [N, H, W], 28×28 for MNIST.
 * @param labelsBytes uint8 [N], each the index of a class.
 * @throws GmrError `invalid-data` for a damaged file, swapped files, different counts, no images, or an invalid label
 */
export function mnistFromIdx(
  imagesBytes: Uint8Array,
  labelsBytes: Uint8Array,
  names: MnistNames = {},
): ImageSet {
  checkKeys("the names of mnistFromIdx", names, KEYS);
  const { set: name = "MNIST", images: imagesName = "image file", labels: labelsName = "label file" } = names;
  const classNames = names.classNames ?? DIGITS;
  const last = classNames.length - 1;
  const imageFile = readIdx(imagesBytes, imagesName);
  const labelFile = readIdx(labelsBytes, labelsName);
  const images = bytesOfRank(imageFile, imagesName, 3, "images [N, height, width]");
  const labels = bytesOfRank(labelFile, labelsName, 1, "labels [N]");
  const [count, height, width] = imageFile.dims;
  if (images.length === 0) {
    throw new GmrError(
      "invalid-data",
      `${imagesName}: [${imageFile.dims.join(", ")}] holds no pixels, expected at least one image`,
    );
  }
  if (labels.length !== count) {
    throw new GmrError(
      "invalid-data",
      `${labelsName}: ${labels.length} labels, expected ${count}, one per image in ${imagesName}`,
    );
  }
  const wrong = labels.findIndex((label) => label > last);
  if (wrong >= 0) {
    throw new GmrError(
      "invalid-data",
      `${labelsName}: label ${labels[wrong]} at position ${wrong}, expected 0 to ${last}`,
    );
  }
  return { name, images, labels, shape: [height, width, 1], count, classNames };
}

function bytesOfRank(file: IdxArray, name: string, rank: number, expected: string): Uint8Array {
  if (file.type === "uint8" && file.dims.length === rank) return file.data;
  const swapped = file.type === "uint8" && (file.dims.length === 1 || file.dims.length === 3);
  throw new GmrError(
    "invalid-data",
    `${name}: ${file.type} [${file.dims.join(", ")}], expected uint8 ${expected}` +
      (swapped ? "; are the image and label files swapped?" : ""),
  );
}
