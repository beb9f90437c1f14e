import { product, Random } from "@gmr-conv/core";
import { equivarianceError, type ImageShape } from "@gmr-conv/core/equivariance";
import * as tf from "@tensorflow/tfjs";
import { convolve, inputTensors } from "./checkProblem.ts";
import { checkError } from "./compare.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";
import { type ConvProblem, describeProblem, solve } from "./convProblem.ts";

// Strides preserve the symmetry only where they divide the kernel's range: (H + padding - extent) / stride.
const PROBLEMS: readonly ConvProblem[] = [
  ...[3, 5, 7, 9, 11].flatMap((kernelSize) => [
    problem([2, 12, 15, 4], { kernelSize, pad: "same" }),
    problem([1, 11, 11, 8], { kernelSize, pad: "same", circular: false }),
    problem([1, 15, 13, 3], { kernelSize, pad: (kernelSize - 1) / 2, strides: 2 }),
  ]),
  problem([1, 13, 16, 3], { kernelSize: 5, dilations: 2, pad: "same" }),
  problem([1, 9, 12, 4], { kernelSize: 5, pad: 2, padMode: "reflect", groups: 2 }),
  problem([1, 10, 9, 3], { kernelSize: 3, pad: 1, padMode: "circular" }),
  problem([1, 10, 120, 3], { kernelSize: 3, pad: "same" }),
];

function problem(shape: readonly number[], options: ConvProblem["options"]): ConvProblem {
  return { shape, outChannels: 6, options };
}

/** conv(g x) = g conv(x), exact up to the order of summation, for the eight symmetries g of the square. */
export function symmetryCases(): ConformanceCase[] {
  return PROBLEMS.map((testProblem) =>
    defineCase(`symmetry, ${describeProblem(testProblem)}`, async () => {
      const solved = solve(testProblem);
      const random = new Random(3);
      const [batch, height, width, channels] = testProblem.shape;
      const shape: ImageShape = [batch, height, width, channels];
      const image = Float32Array.from({ length: product(shape) }, () => random.normal());
      const inputs = inputTensors(solved);
      for (const strategy of ["ring", "dense"] as const) {
        const apply = async (pixels: Float32Array, size: ImageShape) => {
          const y = tf.tidy(() =>
            convolve(solved, new Map(inputs).set("x", tf.tensor4d(pixels, [...size])), strategy),
          );
          const [n, h, w, c] = y.shape;
          const result = { image: Float32Array.from(await y.data()), shape: [n, h, w, c] as const };
          y.dispose();
          return result;
        };
        const { worst, errors } = await equivarianceError(apply, image, shape);
        const element = errors.find(({ error }) => error === worst)?.element ?? "a symmetry";
        checkError(`conv(g x) against g conv(x) for g = ${element} (${strategy})`, "symmetry", worst);
      }
      tf.dispose([...inputs.values()]);
    }),
  );
}
