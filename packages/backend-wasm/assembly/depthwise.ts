// The gradients of depthwise convolutions: each channel of x[N, H, W, C] has `multiplier` kernels, filter [kH, kW, C,
// multiplier], whose outputs are adjacent, dy[N, outH, outW, C · multiplier]. Output channel q belongs to input
// channel q / multiplier.
import { madd, min } from "./common";
import { Windows } from "./windows";

/** Output channels per unit of work in the filter gradient. */
const BLOCK = 16;

/** Four numbers of x for the output channels from q on. */
// @ts-ignore: decorator
@inline
function loadRepeated(x: usize, q: i32, multiplier: i32): v128 {
  if (multiplier == 1) return v128.load(x + (<usize>q << 2));
  let four = v128.load32_splat(x + ((<usize>(q / multiplier)) << 2));
  four = v128.load32_lane(x + ((<usize>((q + 1) / multiplier)) << 2), four, 1);
  four = v128.load32_lane(x + ((<usize>((q + 2) / multiplier)) << 2), four, 2);
  return v128.load32_lane(x + ((<usize>((q + 3) / multiplier)) << 2), four, 3);
}

/** Moves the third and fourth number to the first two lanes. */
// @ts-ignore: decorator
@inline
function upperHalf(four: v128): v128 {
  return i8x16.shuffle(four, four, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
}

/** Stores four sums as float32. */
// @ts-ignore: decorator
@inline
function storeFour(at: usize, low: v128, high: v128): void {
  v128.store64_lane(at, f32x4.demote_f64x2_zero(low), 0);
  v128.store64_lane(at + 8, f32x4.demote_f64x2_zero(high), 0);
}

/** The first output o, from 0 on, with o · stride + at >= 0. */
// @ts-ignore: decorator
@inline
function firstOutput(at: i32, stride: i32): i32 {
  return at >= 0 ? 0 : (stride - 1 - at) / stride;
}

/** The output after the last one with o · stride + at < size. */
// @ts-ignore: decorator
@inline
function endOutput(at: i32, stride: i32, size: i32, outputs: i32): i32 {
  return at >= size ? 0 : min(outputs, (size - 1 - at) / stride + 1);
}

/**
 * Units [begin, end) of dFilter = Σ x · dy: a kernel position by a block of output channels. Rows are added in
 * float32, their sums in float64.
 */
export function depthwiseFilterGradient(
  plan: usize,
  x: usize,
  dy: usize,
  dFilter: usize,
  images: i32,
  begin: i32,
  end: i32,
): void {
  const w = changetype<Windows>(plan);
  const inH = w.inH;
  const inW = w.inW;
  const channels = w.channels;
  const multiplier = w.multiplier;
  const outH = w.outH;
  const outW = w.outW;
  const kernelW = w.filterW;
  const strideH = w.strideH;
  const strideW = w.strideW;
  const dilationH = w.dilationH;
  const dilationW = w.dilationW;
  const padH = w.padH;
  const padW = w.padW;
  const outC = channels * multiplier;
  const blocks = (outC + BLOCK - 1) / BLOCK;
  const pixel = <usize>channels << 2;
  const outPixel = <usize>outC << 2;
  for (let unit = begin; unit < end; unit++) {
    const tap = unit / blocks;
    const atH = (tap / kernelW) * dilationH - padH;
    const atW = (tap % kernelW) * dilationW - padW;
    const y0 = firstOutput(atH, strideH);
    const y1 = endOutput(atH, strideH, inH, outH);
    const x0 = firstOutput(atW, strideW);
    const x1 = endOutput(atW, strideW, inW, outW);
    const first = (unit % blocks) * BLOCK;
    const last = min(outC, first + BLOCK);
    const step = pixel * <usize>strideW;
    const to = dFilter + ((<usize>(tap * outC)) << 2);
    let q = first;
    if (multiplier == 1 && last - first == BLOCK) {
      let t0 = f64x2.splat(0);
      let t1 = f64x2.splat(0);
      let t2 = f64x2.splat(0);
      let t3 = f64x2.splat(0);
      let t4 = f64x2.splat(0);
      let t5 = f64x2.splat(0);
      let t6 = f64x2.splat(0);
      let t7 = f64x2.splat(0);
      for (let n = 0; n < images; n++) {
        for (let oy = y0; oy < y1; oy++) {
          let a = x + <usize>((n * inH + oy * strideH + atH) * inW + x0 * strideW + atW) * pixel + (<usize>q << 2);
          let b = dy + <usize>((n * outH + oy) * outW + x0) * outPixel + (<usize>q << 2);
          let s0 = f32x4.splat(0);
          let s1 = f32x4.splat(0);
          let s2 = f32x4.splat(0);
          let s3 = f32x4.splat(0);
          for (let ox = x0; ox < x1; ox++) {
            s0 = madd(v128.load(a), v128.load(b), s0);
            s1 = madd(v128.load(a, 16), v128.load(b, 16), s1);
            s2 = madd(v128.load(a, 32), v128.load(b, 32), s2);
            s3 = madd(v128.load(a, 48), v128.load(b, 48), s3);
            a += step;
            b += outPixel;
          }
          t0 = f64x2.add(t0, f64x2.promote_low_f32x4(s0));
          t1 = f64x2.add(t1, f64x2.promote_low_f32x4(upperHalf(s0)));
          t2 = f64x2.add(t2, f64x2.promote_low_f32x4(s1));
          t3 = f64x2.add(t3, f64x2.promote_low_f32x4(upperHalf(s1)));
          t4 = f64x2.add(t4, f64x2.promote_low_f32x4(s2));
          t5 = f64x2.add(t5, f64x2.promote_low_f32x4(upperHalf(s2)));
          t6 = f64x2.add(t6, f64x2.promote_low_f32x4(s3));
          t7 = f64x2.add(t7, f64x2.promote_low_f32x4(upperHalf(s3)));
        }
      }
      const at = to + (<usize>q << 2);
      storeFour(at, t0, t1);
      storeFour(at + 16, t2, t3);
      storeFour(at + 32, t4, t5);
      storeFour(at + 48, t6, t7);
      continue;
    }
    for (; q + 4 <= last; q += 4) {
      let low = f64x2.splat(0);
      let high = f64x2.splat(0);
      for (let n = 0; n < images; n++) {
        for (let oy = y0; oy < y1; oy++) {
          let a = x + <usize>((n * inH + oy * strideH + atH) * inW + x0 * strideW + atW) * pixel;
          let b = dy + <usize>((n * outH + oy) * outW + x0) * outPixel + (<usize>q << 2);
          let sum = f32x4.splat(0);
          for (let ox = x0; ox < x1; ox++) {
            sum = madd(loadRepeated(a, q, multiplier), v128.load(b), sum);
            a += step;
            b += outPixel;
          }
          low = f64x2.add(low, f64x2.promote_low_f32x4(sum));
          high = f64x2.add(high, f64x2.promote_low_f32x4(upperHalf(sum)));
        }
      }
      storeFour(to + (<usize>q << 2), low, high);
    }
    for (; q < last; q++) {
      const own = (<usize>(q / multiplier)) << 2;
      let total: f64 = 0;
      for (let n = 0; n < images; n++) {
        for (let oy = y0; oy < y1; oy++) {
          let a = x + <usize>((n * inH + oy * strideH + atH) * inW + x0 * strideW + atW) * pixel + own;
          let b = dy + <usize>((n * outH + oy) * outW + x0) * outPixel + (<usize>q << 2);
          for (let ox = x0; ox < x1; ox++) {
            total += <f64>load<f32>(a) * <f64>load<f32>(b);
            a += step;
            b += outPixel;
          }
        }
      }
      store<f32>(to + (<usize>q << 2), <f32>total);
    }
  }
}

/** The first kernel index from 0 on whose output falls on the stride: (at - k · dilation) mod stride = 0. */
// @ts-ignore: decorator
@inline
function firstTap(at: i32, dilation: i32, stride: i32): i32 {
  let k = 0;
  while (k < stride && (at - k * dilation) % stride != 0) k++;
  return k;
}

/** Rows [begin, end) of the images of dx: each pixel gathers from the outputs whose windows contain it. */
export function depthwiseInputGradient(
  plan: usize,
  dy: usize,
  filter: usize,
  dx: usize,
  begin: i32,
  end: i32,
): void {
  const w = changetype<Windows>(plan);
  const inH = w.inH;
  const inW = w.inW;
  const channels = w.channels;
  const multiplier = w.multiplier;
  const outH = w.outH;
  const outW = w.outW;
  const kernelH = w.filterH;
  const kernelW = w.filterW;
  const strideH = w.strideH;
  const strideW = w.strideW;
  const dilationH = w.dilationH;
  const dilationW = w.dilationW;
  const padH = w.padH;
  const padW = w.padW;
  const outC = channels * multiplier;
  const pixel = <usize>channels << 2;
  const outPixel = <usize>outC << 2;
  // Distance between two kernel indices whose outputs fall on the stride.
  const stepH = stepOf(dilationH, strideH);
  const stepW = stepOf(dilationW, strideW);
  const back = (dilationW * stepW) / strideW;
  for (let row = begin; row < end; row++) {
    const n = row / inH;
    const atH = (row % inH) + padH;
    let i0 = firstTap(atH, dilationH, strideH);
    while (i0 < kernelH && atH - i0 * dilationH >= outH * strideH) i0 += stepH;
    const i1 = min(kernelH, atH / dilationH + 1);
    for (let ix = 0; ix < inW; ix++) {
      const atW = ix + padW;
      let j0 = firstTap(atW, dilationW, strideW);
      while (j0 < kernelW && atW - j0 * dilationW >= outW * strideW) j0 += stepW;
      const j1 = min(kernelW, atW / dilationW + 1);
      const ox = (atW - j0 * dilationW) / strideW;
      const to = dx + <usize>(row * inW + ix) * pixel;
      let c = 0;
      if (multiplier == 1) {
        for (; c + 16 <= channels; c += 16) {
          let s0 = f32x4.splat(0);
          let s1 = f32x4.splat(0);
          let s2 = f32x4.splat(0);
          let s3 = f32x4.splat(0);
          for (let i = i0; i < i1; i += stepH) {
            const line = n * outH + (atH - i * dilationH) / strideH;
            let a = dy + <usize>(line * outW + ox) * outPixel + (<usize>c << 2);
            let b = filter + <usize>(i * kernelW + j0) * outPixel + (<usize>c << 2);
            for (let j = j0; j < j1; j += stepW) {
              s0 = madd(v128.load(a), v128.load(b), s0);
              s1 = madd(v128.load(a, 16), v128.load(b, 16), s1);
              s2 = madd(v128.load(a, 32), v128.load(b, 32), s2);
              s3 = madd(v128.load(a, 48), v128.load(b, 48), s3);
              a -= <usize>back * outPixel;
              b += <usize>stepW * outPixel;
            }
          }
          const at = to + (<usize>c << 2);
          v128.store(at, s0);
          v128.store(at, s1, 16);
          v128.store(at, s2, 32);
          v128.store(at, s3, 48);
        }
      }
      for (; c < channels; c++) {
        const q = <usize>(c * multiplier) << 2;
        let sum: f32 = 0;
        for (let i = i0; i < i1; i += stepH) {
          const line = n * outH + (atH - i * dilationH) / strideH;
          let a = dy + <usize>(line * outW + ox) * outPixel + q;
          let b = filter + <usize>(i * kernelW + j0) * outPixel + q;
          for (let j = j0; j < j1; j += stepW) {
            for (let m: usize = 0; m < <usize>multiplier << 2; m += 4) {
              sum += load<f32>(a + m) * load<f32>(b + m);
            }
            a -= <usize>back * outPixel;
            b += <usize>stepW * outPixel;
          }
        }
        store<f32>(to + (<usize>c << 2), sum);
      }
    }
  }
}

/** The smallest number of kernel indices whose total dilation is a multiple of the stride. */
function stepOf(dilation: i32, stride: i32): i32 {
  let step = 1;
  while ((step * dilation) % stride != 0) step++;
  return step;
}
