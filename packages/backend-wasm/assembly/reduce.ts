// Sums along an axis, in float64: added one by one in float32, a million numbers lose half of their digits.
import { min } from "./common";

/** Columns per unit of work: half a cache line. */
const COLUMNS = 8;

/** Adds the two numbers at p, as float64, to sum. */
// @ts-ignore: decorator
@inline
function addPair(sum: v128, p: usize): v128 {
  return f64x2.add(sum, f64x2.promote_low_f32x4(v128.load64_zero(p)));
}

/** Stores the two sums times `scale` as float32 at p. */
// @ts-ignore: decorator
@inline
function storePair(p: usize, sum: v128, scale: v128): void {
  v128.store64_lane(p, f32x4.demote_f64x2_zero(f64x2.mul(sum, scale)), 0);
}

/** The sum of `count` contiguous numbers. */
function sumRun(p: usize, count: i32): f64 {
  const end = p + ((<usize>count) << 2);
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let s2 = f64x2.splat(0);
  let s3 = f64x2.splat(0);
  for (; p + 32 <= end; p += 32) {
    s0 = addPair(s0, p);
    s1 = addPair(s1, p + 8);
    s2 = addPair(s2, p + 16);
    s3 = addPair(s3, p + 24);
  }
  const all = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3));
  let sum = f64x2.extract_lane(all, 0) + f64x2.extract_lane(all, 1);
  for (; p < end; p += 4) sum += <f64>load<f32>(p);
  return sum;
}

/** Writes `scale` times the sums of up to {@link COLUMNS} columns of `length` rows, `stride` bytes apart. */
function sumColumns(x: usize, y: usize, length: i32, stride: usize, count: i32, scale: f64): void {
  const end = x + <usize>length * stride;
  const scales = f64x2.splat(scale);
  if (count == COLUMNS) {
    let s0 = f64x2.splat(0);
    let s1 = f64x2.splat(0);
    let s2 = f64x2.splat(0);
    let s3 = f64x2.splat(0);
    for (let p = x; p < end; p += stride) {
      s0 = addPair(s0, p);
      s1 = addPair(s1, p + 8);
      s2 = addPair(s2, p + 16);
      s3 = addPair(s3, p + 24);
    }
    storePair(y, s0, scales);
    storePair(y + 8, s1, scales);
    storePair(y + 16, s2, scales);
    storePair(y + 24, s3, scales);
    return;
  }
  if (count & 4) {
    let s0 = f64x2.splat(0);
    let s1 = f64x2.splat(0);
    for (let p = x; p < end; p += stride) {
      s0 = addPair(s0, p);
      s1 = addPair(s1, p + 8);
    }
    storePair(y, s0, scales);
    storePair(y + 8, s1, scales);
    x += 16;
    y += 16;
  }
  if (count & 2) {
    let sum = f64x2.splat(0);
    for (let p = x, last = x + <usize>length * stride; p < last; p += stride) sum = addPair(sum, p);
    storePair(y, sum, scales);
    x += 8;
    y += 8;
  }
  if (count & 1) {
    let sum: f64 = 0;
    for (let p = x, last = x + <usize>length * stride; p < last; p += stride) sum += <f64>load<f32>(p);
    store<f32>(y, <f32>(sum * scale));
  }
}

/**
 * y[outer, inner] = scale · the sums over the second axis of x[outer, length, inner], units [begin, end): `outer`
 * times blocks of eight of `inner`.
 */
export function sumAxis(
  x: usize,
  y: usize,
  length: i32,
  inner: i32,
  scale: f64,
  begin: i32,
  end: i32,
): void {
  if (inner == 1) {
    for (let o = begin; o < end; o++) {
      store<f32>(y + ((<usize>o) << 2), <f32>(sumRun(x + ((<usize>o * length) << 2), length) * scale));
    }
    return;
  }
  const stride = (<usize>inner) << 2;
  const blocks = (inner + COLUMNS - 1) / COLUMNS;
  for (let unit = begin; unit < end; unit++) {
    const o = <usize>(unit / blocks);
    const column = (unit % blocks) * COLUMNS;
    const at = (<usize>column) << 2;
    sumColumns(x + o * length * stride + at, y + o * stride + at, length, stride, min(COLUMNS, inner - column), scale);
  }
}
