// Ring convolutions in plain loops. `gatherOf` says which pixels of a source belong to each weight matrix of each output
// pixel, for all three convolutions of training alike; what is left to write is the sums, and a product for each.

import { product } from "@gmr-conv/core";
import { ringConvKernels, volume } from "@gmr-conv/tfjs";
import { example } from "./state.js";

/** @typedef {import("@gmr-conv/tfjs").Gather} Gather */

/**
 * Adds up the pixels of every weight matrix for every output pixel.
 * @param {Gather} gather
 * @param {Float32Array} source [images, ...inSize, inChannels]
 * @param {(sums: Float64Array, matrix: number, pixel: number) => void} visit
 */
function eachSum(gather, source, visit) {
  const { images, inSize, outSize, inChannels: channels, slots } = gather;
  const sums = new Float64Array(channels);
  const [, height, width] = outSize;
  for (let pixel = 0; pixel < images * volume(outSize); pixel++) {
    const image = Math.floor(pixel / volume(outSize));
    const place = [
      Math.floor(pixel / (height * width)) % outSize[0],
      Math.floor(pixel / width) % height,
      pixel % width,
    ];
    for (const { matrix, taps } of slots) {
      sums.fill(0);
      for (const tap of taps) {
        const at = sourcePixel(gather, place, tap);
        if (at < 0) continue;
        const start = (image * volume(inSize) + at) * channels;
        for (let c = 0; c < channels; c++) sums[c] += source[start + c];
      }
      visit(sums, matrix, pixel);
    }
  }
}

/**
 * @param {Gather} gather
 * @param {readonly number[]} place of an output pixel
 * @param {readonly number[]} tap position in the kernel
 * @returns {number} the pixel of the source that lies there, or -1 for padding
 */
function sourcePixel({ inSize, strides, dilations, padBefore, spread }, place, tap) {
  let pixel = 0;
  for (let axis = 0; axis < 3; axis++) {
    const at = place[axis] * strides[axis] + tap[axis] * dilations[axis] - padBefore[axis];
    if (at % spread[axis] !== 0 || at < 0 || at >= inSize[axis] * spread[axis]) return -1;
    pixel = pixel * inSize[axis] + at / spread[axis];
  }
  return pixel;
}

/** @type {import("@gmr-conv/tfjs").Convolutions<import("./state.js").ExampleState>} */
const convolutions = {
  forward(state, shape, x, weights, yShape) {
    const w = state.values(weights);
    const y = new Float64Array(product(yShape));
    const [inputs, outputs] = [shape.inChannels, shape.outChannels];
    eachSum(state.plan(shape, "forward"), state.values(x), (sums, matrix, pixel) => {
      for (let i = 0; i < inputs; i++) {
        const row = (matrix * inputs + i) * outputs;
        for (let o = 0; o < outputs; o++) y[pixel * outputs + o] += sums[i] * w[row + o];
      }
    });
    return state.output(yShape, y);
  },

  inputGradient(state, shape, dy, weights, dxShape) {
    const w = state.values(weights);
    const dx = new Float64Array(product(dxShape));
    const [inputs, outputs] = [shape.inChannels, shape.outChannels];
    eachSum(state.plan(shape, "input"), state.values(dy), (sums, matrix, pixel) => {
      for (let i = 0; i < inputs; i++) {
        const row = (matrix * inputs + i) * outputs;
        for (let o = 0; o < outputs; o++) dx[pixel * inputs + i] += sums[o] * w[row + o];
      }
    });
    return state.output(dxShape, dx);
  },

  filterGradient(state, shape, x, dy, dwShape) {
    const gradient = state.values(dy);
    const dw = new Float64Array(product(dwShape));
    const [inputs, outputs] = [shape.inChannels, shape.outChannels];
    eachSum(state.plan(shape, "filter"), state.values(x), (sums, matrix, pixel) => {
      for (let i = 0; i < inputs; i++) {
        const row = (matrix * inputs + i) * outputs;
        for (let o = 0; o < outputs; o++) dw[row + o] += sums[i] * gradient[pixel * outputs + o];
      }
    });
    return state.output(dwShape, dw);
  },
};

export const convolutionKernels = ringConvKernels(example, convolutions);
