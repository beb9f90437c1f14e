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
import { kept, padChannels, type Source } from "./pad.ts";
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

/** The channels of every group in fours. */
function padGroups(gpu: Gpu, pixels: number, channels: number, groups: number, x: tf.TensorInfo): Source {
  return padChannels(gpu, pixels * groups, channels / groups, x);
}

/** A plan of a source with the channels of every group in fours, and that source. */
function inFours(gpu: Gpu, plan: Plan, x: tf.TensorInfo): { plan: Plan; source: Source } {
  const { gather } = plan.problem;
  const { images, inSize, inChannels, groups = 1 } = gather;
  if (groups === 1) return { plan, source: kept(x) };
  const padded = { ...gather, inChannels: 4 * fours(inChannels / groups) * groups };
  const source = padGroups(gpu, images * volume(inSize), inChannels, groups, x);
  return { plan: { ...plan, problem: { ...plan.problem, gather: padded } }, source };
}

const sumOverTaps: Compute = (gpu, method, plan, x, weights, yShape) => {
  const { gather, use } = plan.problem;
  const y = gpu.tensor(yShape);
  const packed = packWeights(gpu, gather, weights, plan.slots, use === "input");
  if (method.fused) {
    const patch = patchOf(gpu, plan, method.product, gpu.variants.abilities.memory);
    fused(gpu, method.product, gather, patch, x, packed.tensor, y);
  } else {
    const { groups = 1 } = gather;
    const slots = gather.slots.length;
    const outChannels = gather.outChannels / groups;
    const size = { depth: slots * fours(gather.inChannels / groups), outChannels, groups, slots };
    const { plan: padded, source } = inFours(gpu, plan, x);
    forEachBlock(gpu, padded, source.tensor, (sums, block) =>
      multiply(gpu, method.product, sums, packed.tensor, y, { ...block, ...size }),
    );
    source.release();
  }
  packed.release();
  return y;
};

const sumOverPixels: Compute = (gpu, method, plan, x, dy, dwShape) => {
  const { gather } = plan.problem;
  const { images, outSize, slots, groups = 1 } = gather;
  const [inChannels, outChannels] = [gather.inChannels / groups, gather.outChannels / groups];
  const dw = gpu.tensor(dwShape);
  const side = typeof method.product === "number" ? method.product : undefined;
  const depth = slots.length * fours(inChannels);
  const cut = { side, depth, fours: fours(outChannels), inFours: fours(inChannels), groups };
  const { plan: padded, source } = inFours(gpu, plan, x);
  const rows = maxRows(padded.problem.gather, gpu.limits);
  const chunk = chunkRows(cut, rows);
  const [inPadded, outPadded] = [4 * fours(inChannels), 4 * fours(outChannels)];
  const partial = gpu.scratch(Math.ceil(rows / chunk) * groups * slots.length * inPadded * outPadded);
  const gradient = padGroups(gpu, images * volume(outSize), gather.outChannels, groups, dy);
  forEachBlock(gpu, padded, source.tensor, (sums, block) => {
    const chunks = Math.ceil(block.rows / chunk);
    partialProducts(gpu, cut, sums, gradient.tensor, partial, { ...block, chunkRows: chunk, chunks });
    const size = { chunks, groups, inChannels, outChannels, inPadded, outPadded, slots: slots.length };
    addChunks(gpu, partial, plan.slotOf, dw, size, block.first > 0);
  });
  gradient.release();
  source.release();
  gpu.dispose(partial);
  return dw;
};

export const convolutions: Convolutions<Gpu> = {
  forward: (gpu, shape, x, weights, yShape) => convolve(gpu, shape, "forward", x, weights, yShape),
  inputGradient: (gpu, shape, dy, weights, dxShape) => convolve(gpu, shape, "input", dy, weights, dxShape),
  filterGradient: (gpu, shape, x, dy, dwShape) => convolve(gpu, shape, "filter", x, dy, dwShape),
};
