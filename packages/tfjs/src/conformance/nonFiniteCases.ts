// NaN and infinite pixels: a pixel outside every ring has no influence, and a sum that contains infinity stays
// infinite. One such pixel is put into an image; the convolution of an image that is zero everywhere else shows which
// outputs it reaches, and with which weight.

import { defaultNumRings, GmrError, perAxis, product, Random } from "@gmr-conv/core";
import { type ReferenceGmrOptions, referenceGmrConv } from "@gmr-conv/core/reference";
import * as tf from "@tensorflow/tfjs";
import { gmrConv } from "../conv.ts";
import { checkError } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { type ConvProblem, describeProblem } from "./convProblem.ts";

const PROBLEMS: readonly ConvProblem[] = [
  { shape: [1, 11, 12, 3], outChannels: 4, options: { kernelSize: 9, pad: 4 } },
  { shape: [1, 12, 11, 8], outChannels: 5, options: { kernelSize: 7, pad: 3, strides: 2 } },
  { shape: [1, 13, 14, 4], outChannels: 4, options: { kernelSize: 5, pad: 4, dilations: 2, groups: 2 } },
  { shape: [1, 9, 9, 6], outChannels: 6, options: { kernelSize: 5, pad: 2, groups: 3 } },
  { shape: [1, 9, 9, 2], outChannels: 3, options: { kernelSize: 3, pad: 1 } },
  { shape: [1, 12, 11, 5], outChannels: 5, options: { kernelSize: 9, pad: 4, groups: 5 } },
  { shape: [1, 6, 6, 3], outChannels: 2, options: { kernelSize: 5, strides: 2, transposed: true } },
  { rank: 1, shape: [1, 30, 4], outChannels: 3, options: { kernelSize: 9, pad: 6, dilations: 3 } },
  { rank: 3, shape: [1, 6, 7, 6, 2], outChannels: 3, options: { kernelSize: 5, pad: 2 } },
];

const VALUES = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** Convolutions of images with a non-finite pixel. */
export function nonFiniteCases(): ConformanceCase[] {
  return PROBLEMS.map((problem) =>
    defineCase(`a pixel that is not finite: ${describeProblem(problem)}`, () => check(problem)),
  );
}

async function check({ rank = 2, shape, outChannels, options }: ConvProblem): Promise<void> {
  const random = new Random(11);
  const normal = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
  const channels = shape[shape.length - 1];
  const [inner, outer] = options.transposed ? [outChannels, channels] : [channels, outChannels];
  const kernelSize = perAxis("kernelSize", options.kernelSize, rank);
  const weightShape: [number, number, number] = [
    defaultNumRings(kernelSize),
    inner / (options.groups ?? 1),
    outer,
  ];
  const weights = normal(product(weightShape));
  const image = normal(product(shape));
  const all: ReferenceGmrOptions = { ...options, kernelSize };
  const middle = shape.slice(1, -1).reduce((at, size) => at * size + Math.floor(size / 2), 0);
  const place = middle * channels + 1;
  const alone = new Float32Array(image.length);
  alone[place] = 1;
  image[place] = 0;
  const others = referenceGmrConv(image, shape, { weights }, all).y;
  const shares = referenceGmrConv(alone, shape, { weights }, all).y;
  const touched = referenceGmrConv(alone, shape, { weights: weights.map(() => 1) }, all).y;
  for (const strategy of ["ring", "dense"] as const) {
    for (const value of VALUES) {
      const x = tf.tensor(image.with(place, value), [...shape]);
      const w = tf.tensor3d(weights, weightShape);
      const { transposed, ...given } = options;
      const y = tf.tidy(() => gmrConv(rank, x, w, { ...given, strategy }, transposed));
      const numbers = await y.data();
      tf.dispose([x, w, y]);
      const what = `y (${strategy}) of an image with ${value}`;
      let error = 0;
      for (const [i, actual] of numbers.entries()) {
        const expected = touched[i] === 0 ? others[i] : value * shares[i];
        if (Number.isFinite(expected)) error = Math.max(error, Math.abs(actual - expected));
        else if (!Object.is(actual, expected)) {
          throw new GmrError(
            "invalid-data",
            `${what} should be ${expected} at ${i}, got ${actual} on "${tf.getBackend()}"`,
          );
        }
      }
      checkError(what, "output", error / others.reduce((max, n) => Math.max(max, Math.abs(n)), 0));
    }
  }
}
