import { checkPositiveInteger, GmrError, type Random } from "@gmr-conv/core";
import { mirroredIndex } from "@gmr-conv/core/equivariance";
import { checkProbability, checkRange } from "./checks.ts";

export interface BlurOptions {
  /** Probability that an image is blurred. Default 0. */
  probability?: number | undefined;
  /** Range of the Gaussian's standard deviation, in pixels. Default [0.1, 2]. */
  sigma?: readonly [min: number, max: number] | undefined;
  /** Odd width of the kernel; default: 3 standard deviations to each side. */
  kernelSize?: number | undefined;
}

/** Blurs one image or volume [...sizes, C] in place, reflected at borders; undefined if there is nothing to do. */
export function randomBlur(
  options: BlurOptions,
): ((image: Float32Array, shape: readonly number[], random: Random) => void) | undefined {
  const probability = checkProbability("blur.probability", options.probability ?? 0);
  const sigmas = options.sigma ?? [0.1, 2];
  checkRange("blur.sigma", sigmas);
  const { kernelSize } = options;
  if (kernelSize !== undefined && checkPositiveInteger("blur.kernelSize", kernelSize) % 2 === 0) {
    throw new GmrError("invalid-argument", `blur.kernelSize must be odd, got ${kernelSize}`);
  }
  if (probability === 0) return undefined;
  return (image, shape, random) => {
    if (random.uniform() >= probability) return;
    const sigma = random.uniform(sigmas[0], sigmas[1]);
    const radius = kernelSize === undefined ? Math.max(1, Math.ceil(3 * sigma)) : (kernelSize - 1) / 2;
    const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
      Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
    );
    const total = weights.reduce((a, b) => a + b, 0);
    const kernel = weights.map((weight) => weight / total);
    let inner = shape[shape.length - 1];
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      blurAxis(image, shape[axis], inner, kernel, radius);
      inner *= shape[axis];
    }
  };
}

function blurAxis(
  image: Float32Array,
  length: number,
  inner: number,
  kernel: Float64Array,
  radius: number,
): void {
  const line = new Float64Array(length);
  for (let start = 0; start < image.length; start += length * inner) {
    for (let k = 0; k < inner; k++) {
      for (let i = 0; i < length; i++) line[i] = image[start + i * inner + k];
      for (let i = 0; i < length; i++) {
        let sum = 0;
        for (let tap = -radius; tap <= radius; tap++) {
          const at = i + tap;
          sum += kernel[tap + radius] * line[at >= 0 && at < length ? at : mirroredIndex(at, length)];
        }
        image[start + i * inner + k] = sum;
      }
    }
  }
}
