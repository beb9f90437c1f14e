// The three convolutions of training, for rings and for dense kernels alike: sums of the slots to a buffer, then a
// matrix product, or both in one.

import { product } from "@gmr-conv/core";
import { type Convolutions, type ConvShape, type ConvUse, volume } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { elements, type Gpu } from "../gpu.ts";
import { fours } from "../shader.ts";
import { forEachBlock, maxRows } from "./blocks.ts";
import { addChunks, chunkRows, partialProducts } from "./filterGradient.ts";
import { fused } from "./fused.ts";
import { multiply } from "./multiply.ts";
import { padChannels } from "./pad.ts";
import { type Plan, patchOf, planFor } from "./plan.ts";
import { type Method, VARIANTS } from "./variants.ts";
import { packWeights } from "./weights.ts";

/** Computes a convolution by a method; the result is a new tensor. */
type Compute = (
  gpu: Gpu,
  method: Method,
  plan: Plan,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  resultShape: readonly number[],
) => tf.TensorInfo;

/** Chooses the method. Without slots, that is, where no output pixel meets the image, the result is zero. */
function convolve(
  gpu: Gpu,
  shape: ConvShape,
  use: ConvUse,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  resultShape: readonly number[],
): tf.TensorInfo {
  const plan = planFor(gpu, shape, use);
  const { problem, key } = plan;
  const isZero = problem.gather.slots.length === 0 || elements(a) === 0 || elements(b) === 0;
  if (isZero || product(resultShape) === 0) return gpu.zeros(resultShape);
  const variant = gpu.variants.variantFor({
    key,
    problem,
    inputs: [a, b],
    compute: ([a, b]) => convolve(gpu, shape, use, a, b, resultShape),
  });
  const compute: Compute = use === "filter" ? sumOverPixels : sumOverTaps;
  return compute(gpu, VARIANTS[variant], plan, a, b, resultShape);
}

const sumOverTaps: Compute = (gpu, method, plan, x, weights, yShape) => {
  const { gather, use } = plan.problem;
  const y = gpu.tensor(yShape);
  const packed = packWeights(gpu, gather, weights, plan.slots, use === "input");
  if (method.fused) {
    const patch = patchOf(gpu, plan, method.product, gpu.variants.abilities.memory);
    fused(gpu, method.product, gather, patch, x, packed.tensor, y);
  } else {
    const { inChannels, outChannels, slots } = gather;
    const depth = slots.length * fours(inChannels);
    forEachBlock(gpu, plan, x, (sums, block) =>
      multiply(gpu, method.product, sums, packed.tensor, y, { ...block, depth, outChannels }),
    );
  }
  packed.release();
  return y;
};

const sumOverPixels: Compute = (gpu, method, plan, x, dy, dwShape) => {
  const { images, outSize, inChannels, outChannels, slots } = plan.problem.gather;
  const dw = gpu.tensor(dwShape);
  const side = typeof method.product === "number" ? method.product : undefined;
  const cut = { side, depth: slots.length * fours(inChannels), fours: fours(outChannels) };
  const rows = maxRows(plan.problem.gather, gpu.limits);
  const chunk = chunkRows(cut, rows);
  const [inPadded, outPadded] = [4 * fours(inChannels), 4 * fours(outChannels)];
  const partial = gpu.scratch(Math.ceil(rows / chunk) * slots.length * inPadded * outPadded);
  const gradient = padChannels(gpu, images * volume(outSize), outChannels, dy);
  forEachBlock(gpu, plan, x, (sums, block) => {
    const chunks = Math.ceil(block.rows / chunk);
    partialProducts(gpu, cut, sums, gradient.tensor, partial, { ...block, chunkRows: chunk, chunks });
    const size = { chunks, inChannels, outChannels, inPadded, outPadded, slots: slots.length };
    addChunks(gpu, partial, plan.slotOf, dw, size, block.first > 0);
  });
  gradient.release();
  gpu.dispose(partial);
  return dw;
};

export const convolutions: Convolutions<Gpu> = {
  forward: (gpu, shape, x, weights, yShape) => convolve(gpu, shape, "forward", x, weights, yShape),
  inputGradient: (gpu, shape, dy, weights, dxShape) => convolve(gpu, shape, "input", dy, weights, dxShape),
  filterGradient: (gpu, shape, x, dy, dwShape) => convolve(gpu, shape, "filter", x, dy, dwShape),
};
