/**
 * CIFAR-10 and CIFAR-100, binary version: for each image a byte with its label (CIFAR-100: a coarse and a fine one),
 * then the red, green and blue planes of 32×32 bytes. Source: https://www.cs.toronto.edu/~kriz/cifar.html
 */
import { checkBytes, GmrError } from "@gmr-conv/core";

export const CIFAR_SIDE = 32;
const PIXELS = CIFAR_SIDE * CIFAR_SIDE;

/** Images [N, 32, 32, 3] and their (fine) labels. */
export interface CifarImages {
  images: Uint8Array;
  labels: Uint8Array;
}

/**
 * Reads a file of the binary version.
 * @param labelBytes 1 for CIFAR-10, 2 for CIFAR-100, where the second is the fine label
 * @param classes labels must be below this
 * @throws GmrError `invalid-data` for a wrong length or an invalid label
 */
export function readCifar(
  bytes: Uint8Array,
  labelBytes: 1 | 2,
  classes: number,
  name = "CIFAR data",
): CifarImages {
  checkBytes(name, bytes);
  const record = labelBytes + 3 * PIXELS;
  const count = bytes.length / record;
  if (count === 0 || !Number.isInteger(count)) {
    throw new GmrError(
      "invalid-data",
      `${name}: ${bytes.length} bytes, expected a multiple of ${record} = ${labelBytes} + 3·32·32; ` +
        "is it truncated, or another version?",
    );
  }
  const images = new Uint8Array(count * 3 * PIXELS);
  const labels = new Uint8Array(count);
  for (let n = 0; n < count; n++) {
    const at = n * record;
    labels[n] = bytes[at + labelBytes - 1];
    if (labels[n] >= classes) {
      throw new GmrError(
        "invalid-data",
        `${name}: label ${labels[n]} of image ${n}, expected 0 to ${classes - 1}`,
      );
    }
    for (let i = 0; i < PIXELS; i++) {
      for (let c = 0; c < 3; c++) images[(n * PIXELS + i) * 3 + c] = bytes[at + labelBytes + c * PIXELS + i];
    }
  }
  return { images, labels };
}
