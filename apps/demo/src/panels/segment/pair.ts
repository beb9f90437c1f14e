// Both networks on one image, however it lies. Knows no backend and no page.

import { flipImages, rotateImages } from "@gmr-conv/data";
import * as tf from "@tensorflow/tfjs";
import { NETWORKS, type NetworkName, type PerNetwork, type Pose } from "../../engine/types.ts";
import { IN_MASK, IN_UPRIGHT, type Look, type Mask, SIDE, SOURCE, type Source, UPRIGHT } from "./look.ts";

export class Pair {
  private networks: PerNetwork<tf.LayersModel>;
  private readonly source: Source;
  /** Probabilities of nuclei in the upright image, [176 · 176]. */
  private upright: PerNetwork<Float32Array> | undefined;

  /** @param networks [N, 176, 176, 1] → logits of background and nuclei */
  constructor(networks: PerNetwork<tf.LayersModel>, source: Source) {
    this.networks = networks;
    this.source = source;
  }

  /** Goes on with the same networks on another backend. */
  use(networks: PerNetwork<tf.LayersModel>): void {
    this.networks = networks;
  }

  async look(pose: Pose): Promise<Look> {
    const { pixels, truth } = this.source;
    this.upright ??= await this.find(windowOf(pixels, UPRIGHT, "cubic"));
    const seen = windowOf(pixels, pose, "cubic");
    const marked = truth && nucleiOf(windowOf(truth, pose, "linear"));
    const masks = {} as PerNetwork<Mask>;
    for (const name of NETWORKS) {
      const started = performance.now();
      const found = nucleiOf(await this.probabilities(name, seen));
      const milliseconds = performance.now() - started;
      const turned = nucleiOf(posed(this.upright[name], SIDE, pose, SIDE, "linear"));
      masks[name] = {
        bits: found.map((inside, i) => (inside ? IN_MASK : 0) | (turned[i] ? IN_UPRIGHT : 0)),
        agreement: dice(found, turned),
        truth: marked && dice(found, marked),
        milliseconds,
      };
    }
    return { pose, seen, masks };
  }

  private async find(seen: Float32Array): Promise<PerNetwork<Float32Array>> {
    return { gmr: await this.probabilities("gmr", seen), dense: await this.probabilities("dense", seen) };
  }

  private async probabilities(name: NetworkName, seen: Float32Array): Promise<Float32Array> {
    const probabilities = tf.tidy(() => {
      const logits = this.networks[name].apply(tf.tensor(seen, [1, SIDE, SIDE, 1])) as tf.Tensor;
      const [, nuclei] = tf.unstack(tf.softmax(logits), -1);
      return nuclei;
    });
    const values = Float32Array.from(await probabilities.data());
    probabilities.dispose();
    return values;
  }
}

/** The part of the image that the networks see. */
const windowOf = (pixels: Float32Array, pose: Pose, interpolation: "linear" | "cubic"): Float32Array =>
  posed(pixels, SOURCE, pose, SIDE, interpolation);

/** Mirrored first, then turned, then cropped around the centre. */
function posed(
  pixels: Float32Array,
  side: number,
  { degrees, mirrorX, mirrorY }: Pose,
  size: number,
  interpolation: "linear" | "cubic",
): Float32Array {
  const shape = [side, side, 1];
  let image = pixels;
  if (mirrorX) image = flipImages(image, shape, "horizontal");
  if (mirrorY) image = flipImages(image, shape, "vertical");
  return rotateImages(image, shape, degrees, { size: [size, size], interpolation });
}

const nucleiOf = (probabilities: Float32Array): Uint8Array =>
  Uint8Array.from(probabilities, (probability) => Number(probability > 0.5));

const CENTRE = (SIDE - 1) / 2;
const DISC = Uint8Array.from({ length: SIDE * SIDE }, (_, i) =>
  Number(((i % SIDE) - CENTRE) ** 2 + (Math.floor(i / SIDE) - CENTRE) ** 2 <= (SIDE / 2) ** 2),
);

/** 1 for equal masks, 0 for masks without a common pixel. @param a, b [176 · 176] of 0 and 1 */
export function dice(a: Uint8Array, b: Uint8Array): number {
  let [sum, both] = [0, 0];
  for (let i = 0; i < DISC.length; i++) {
    if (DISC[i] === 0) continue;
    sum += a[i] + b[i];
    both += a[i] & b[i];
  }
  return sum === 0 ? 1 : (2 * both) / sum;
}
