// Ring sums of small maps: the sums of an image are the product of a constant 0/1 matrix [out · L, in] and its pixels
// [in, C]. It comes out as the sums of all rings side by side, with any strides, dilations and spread.

import { product } from "@gmr-conv/core";
import { type ConvShape, matrixIndex } from "@gmr-conv/tfjs";
import type { Native, NativeOps } from "../nativeOps.ts";
import type { NativeState, RingSums } from "../state.ts";

/** Pixels beyond which depthwise convolutions take less time. */
const MOST_PIXELS = 64;
/** Largest matrix. */
const MOST_ENTRIES = 1 << 17;

export function isSmallMap({ inSize, outSize, matrices }: ConvShape): boolean {
  const pixels = product(inSize);
  return pixels <= MOST_PIXELS && pixels * product(outSize) * matrices <= MOST_ENTRIES;
}

/** S_l(x) of x [N, ...in, C], those of rings that read nothing included. */
export function sumsOfSmallMap(ops: NativeOps, x: Native, shape: ConvShape, state: NativeState): RingSums {
  const { images, inSize, inChannels, outSize, matrices } = shape;
  const pixels = ops.reshape(x, [images, product(inSize), inChannels]);
  const joined = ops.productOfStacks(sumMatrix(state, shape), pixels);
  const sums = ops.reshape(joined, [images * product(outSize), matrices * inChannels]);
  ops.free(joined);
  return { rings: Array.from({ length: matrices }, (_, ring) => ring), sums };
}

/** The number of times, 0 or 1, that a pixel is read by a ring at an output position, [out · L, in]. */
function sumMatrix({ backend: { binding }, masks }: NativeState, shape: ConvShape): Native {
  const { inSize, outSize, kernelSize, strides, dilations, padBefore, spread, matrices } = shape;
  const index = matrixIndex(shape);
  const geometry = [inSize, outSize, kernelSize, strides, dilations, padBefore, spread, matrices, index];
  return masks.get(`sums ${JSON.stringify(geometry)}`, () => {
    const [outputs, pixels] = [product(outSize), product(inSize)];
    const values = new Float32Array(outputs * matrices * pixels);
    for (let output = 0; output < outputs; output++) {
      const from = placeOf(output, outSize);
      for (const [position, ring] of index.entries()) {
        if (ring < 0) continue;
        const place = placeOf(position, kernelSize).map(
          (offset, axis) =>
            (from[axis] * strides[axis] + offset * dilations[axis] - padBefore[axis]) / spread[axis],
        );
        if (!place.every((at, axis) => Number.isInteger(at) && at >= 0 && at < inSize[axis])) continue;
        const pixel = (place[0] * inSize[1] + place[1]) * inSize[2] + place[2];
        values[(output * matrices + ring) * pixels + pixel] = 1;
      }
    }
    const size = [outputs * matrices, pixels];
    return { id: binding.createTensor(size, binding.TF_FLOAT, values), shape: size };
  });
}

/** Row-major index to place. */
function placeOf(index: number, [, height, width]: readonly number[]): number[] {
  return [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
}
