/**
 * The loop behind every geometric transform of images and volumes: each output position is read between the pixels of
 * the source, at `source = centre + M · (position − output centre) + offset`.
 */
import type { Sampling } from "./sampling.ts";
import { readAxis, TAPS } from "./sampling.ts";

/** The inverse map of one image: `matrix` row-major over the axes in their order, `offset` in source pixels. */
export interface Warp {
  /** [rank, rank] */
  matrix: ArrayLike<number>;
  /** [rank] */
  offset: ArrayLike<number>;
}

type Size3 = [number, number, number];

/** Three sizes; missing ones are 1, in front. */
const size3 = (sizes: readonly number[]): Size3 => [1, 1, ...sizes].slice(-3) as Size3;

/**
 * Reads an output [...outSizes, C] from a source [...sizes, C].
 * @param source flat, the image from `from` on
 * @param out flat, the result from `to` on
 */
export function warpInto(
  source: ArrayLike<number>,
  from: number,
  sizes: readonly number[],
  channels: number,
  out: { [index: number]: number },
  to: number,
  outSizes: readonly number[],
  { matrix, offset }: Warp,
  sampling: Sampling,
): void {
  const rank = sizes.length;
  const [inD, inH, inW] = size3(sizes);
  const [outD, outH, outW] = size3(outSizes);
  const [m00, m01, m02, m10, m11, m12, m20, m21, m22] =
    rank === 3 ? Array.from(matrix) : [1, 0, 0, 0, matrix[0], matrix[1], 0, matrix[2], matrix[3]];
  const [dz, dy, dx] = rank === 3 ? Array.from(offset) : [0, offset[0], offset[1]];
  const centre = [(inD - 1) / 2 + dz, (inH - 1) / 2 + dy, (inW - 1) / 2 + dx];
  const taps = TAPS[sampling.interpolation];
  const index = [0, 1, 2].map(() => new Int32Array(4));
  const weight = [0, 1, 2].map(() => new Float64Array(4));
  const fill = typeof sampling.fill === "string" ? undefined : sampling.fill;
  const depthTaps = rank === 3 ? taps : 1;
  weight[0][0] = 1; // an image has one plane
  const sums = new Float64Array(channels);
  for (let position = to, z = 0; z < outD; z++) {
    const qz = z - (outD - 1) / 2;
    for (let y = 0; y < outH; y++) {
      const qy = y - (outH - 1) / 2;
      const row0 = centre[0] + m00 * qz + m01 * qy;
      const row1 = centre[1] + m10 * qz + m11 * qy;
      const row2 = centre[2] + m20 * qz + m21 * qy;
      for (let x = 0; x < outW; x++, position += channels) {
        const qx = x - (outW - 1) / 2;
        if (rank === 3) readAxis(row0 + m02 * qx, inD, sampling, index[0], weight[0]);
        readAxis(row1 + m12 * qx, inH, sampling, index[1], weight[1]);
        readAxis(row2 + m22 * qx, inW, sampling, index[2], weight[2]);
        sums.fill(0);
        for (let a = 0; a < depthTaps; a++) {
          for (let b = 0; b < taps; b++) {
            const outer = weight[0][a] * weight[1][b];
            if (outer === 0) continue;
            const inside = index[0][a] >= 0 && index[1][b] >= 0;
            const row = (index[0][a] * inH + index[1][b]) * inW;
            for (let c = 0; c < taps; c++) {
              const share = outer * weight[2][c];
              if (share === 0) continue;
              if (inside && index[2][c] >= 0) {
                const at = from + (row + index[2][c]) * channels;
                for (let k = 0; k < channels; k++) sums[k] += share * source[at + k];
              } else if (fill) {
                for (let k = 0; k < channels; k++) sums[k] += share * fill[k];
              }
            }
          }
        }
        for (let k = 0; k < channels; k++) out[position + k] = sums[k];
      }
    }
  }
}

/**
 * {@link warpInto} for images, linear interpolation and a constant fill: the image is copied into a frame one pixel
 * larger on each side, so that no pixel needs a bounds check.
 */
export class LinearWarp {
  private readonly frame: Float32Array;
  private readonly sizes: readonly [number, number];
  private readonly fill: Float64Array;

  constructor(sizes: readonly [number, number], fill: Float64Array) {
    this.sizes = sizes;
    this.fill = fill;
    this.frame = new Float32Array((sizes[0] + 2) * (sizes[1] + 2) * fill.length);
    for (let i = 0; i < this.frame.length; i++) this.frame[i] = fill[i % fill.length];
  }

  run(
    source: Float32Array,
    from: number,
    out: Float32Array,
    to: number,
    [outH, outW]: readonly [number, number],
    { matrix, offset }: Warp,
  ): void {
    const { frame, fill } = this;
    const [height, width] = this.sizes;
    const channels = fill.length;
    const stride = (width + 2) * channels;
    for (let row = 0; row < height; row++) {
      const at = from + row * width * channels;
      frame.set(source.subarray(at, at + width * channels), (row + 1) * stride + channels);
    }
    const [yy, yx, xy, xx] = [matrix[0], matrix[1], matrix[2], matrix[3]];
    // In frame coordinates, where the image starts at 1.
    const [cy, cx] = [(height + 1) / 2 + offset[0], (width + 1) / 2 + offset[1]];
    for (let row = 0; row < outH; row++) {
      const qy = row - (outH - 1) / 2;
      const [rowY, rowX] = [cy + yy * qy, cx + xy * qy];
      for (let column = 0; column < outW; column++) {
        const qx = column - (outW - 1) / 2;
        const [x, y] = [rowX + xx * qx, rowY + yx * qx];
        const target = to + (row * outW + column) * channels;
        if (!(x >= 0 && y >= 0 && x < width + 1 && y < height + 1)) {
          for (let c = 0; c < channels; c++) out[target + c] = fill[c];
          continue;
        }
        const x0 = x | 0;
        const y0 = y | 0;
        const right = x - x0;
        const below = y - y0;
        const at = y0 * stride + x0 * channels;
        for (let c = 0; c < channels; c++) {
          const a = frame[at + c];
          const b = frame[at + stride + c];
          const above = a + (frame[at + channels + c] - a) * right;
          const under = b + (frame[at + stride + channels + c] - b) * right;
          out[target + c] = above + (under - above) * below;
        }
      }
    }
  }
}
