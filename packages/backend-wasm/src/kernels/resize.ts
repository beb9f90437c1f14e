// The gradient of bilinear resizing. As in the other stock backends, pixels count from their corners even if their
// centres were asked for.

import * as tf from "@tensorflow/tfjs";
import { FLOAT_WORK, wasm } from "../state.ts";

type Shape4 = [number, number, number, number];

/** For each of `to` positions: the two of `from` that it lies between, and the share of the second, as a float's bits. */
function table(from: number, to: number, alignCorners: boolean): Int32Array {
  const scale = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  const words = new Int32Array(3 * to);
  const shares = new Float32Array(words.buffer);
  for (let i = 0; i < to; i++) {
    const first = Math.floor(scale * i);
    words[3 * i] = first;
    words[3 * i + 1] = Math.min(from - 1, Math.ceil(scale * i));
    shares[3 * i + 2] = scale * i - first;
  }
  return words;
}

export const resizeKernels = [
  wasm.kernel<{ images: tf.TensorInfo; dy: tf.TensorInfo }, { alignCorners: boolean }>(
    { name: tf.ResizeBilinearGrad },
    ({ images, dy }, { alignCorners }, state) => {
      const [count, inH, inW, channels] = images.shape as Shape4;
      const [, outH, outW] = dy.shape as Shape4;
      const dx = state.output(images.shape);
      const [rows, columns] = [table(inH, outH, alignCorners), table(inW, outW, alignCorners)];
      const rowTable = state.placeIntegers(Int32Array.of(...rows, ...columns));
      const [from, to] = state.addresses(dy, dx);
      const threads = state.threadsFor(count * outH * outW * channels * FLOAT_WORK);
      state.split("resizeBilinearGradient", count * inH, threads, (begin, end) => [
        from,
        to,
        rowTable,
        rowTable + rows.byteLength,
        inH,
        inW,
        outH,
        outW,
        channels,
        begin,
        end,
      ]);
      return dx;
    },
  ),
];
