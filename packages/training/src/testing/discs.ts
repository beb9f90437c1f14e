/** Made-up images and a network that learns them in seconds, for tests only. */
import { Random } from "@gmr-conv/core";
import { type Dataset, datasetOf } from "@gmr-conv/data";
import { resNet, unet } from "@gmr-conv/models";
import type * as tf from "@tensorflow/tfjs";

const SIDE = 12;

/** Small, middle and large discs somewhere in noise; as masks, the disc itself. */
export function discs(count: number, seed: number, task: Dataset["task"] = "classification"): Dataset {
  const random = new Random(seed);
  const uniform = (): number => random.uniform();
  const images = new Float32Array(count * SIDE * SIDE);
  const labels = new Int32Array(task === "segmentation" ? images.length : count);
  for (let n = 0; n < count; n++) {
    const size = n % 3;
    const [y, x] = [4.5 + 2 * uniform(), 4.5 + 2 * uniform()];
    if (task === "classification") labels[n] = size;
    for (let i = 0; i < SIDE * SIDE; i++) {
      const inside = Math.hypot(Math.floor(i / SIDE) - y, (i % SIDE) - x) <= 1.5 + size;
      images[n * SIDE * SIDE + i] = 0.6 * Number(inside) + 0.4 * uniform();
      if (task === "segmentation") labels[n * SIDE * SIDE + i] = Number(inside);
    }
  }
  const classNames = task === "segmentation" ? ["background", "disc"] : ["small", "middle", "large"];
  return datasetOf({ name: "discs", images, labels, shape: [SIDE, SIDE, 1], count, classNames });
}

/** A GMR-ResNet of two stages. */
export const classifier = (seed = 1): tf.LayersModel =>
  resNet({
    name: "net",
    inputShape: [SIDE, SIDE, 1],
    classes: 3,
    depths: [1, 1],
    widths: [6, 8],
    kernelSizes: [5, 3],
    stemPool: false,
    seed,
  });

/** A GMR-UNet of two stages. */
export const segmenter = (seed = 1): tf.LayersModel =>
  unet({
    name: "net",
    inputShape: [SIDE, SIDE, 1],
    classes: 2,
    levels: 1,
    features: [6, 8, 6],
    kernelSizes: [5, 3],
    seed,
  });
