// The product of packed factors: the inner kernel holds 4 pixels x 8 columns in registers, which reaches what processors
// can multiply and add with vectors of four.
import { Activation } from "../src/layouts";
import { loadPart, madd, min, storePart } from "./common";

function storeFew(y: usize, value: v128, columns: i32, add: bool): void {
  if (columns < 4) storePart(y, add ? f32x4.add(loadPart(y, columns), value) : value, columns);
  else v128.store(y, add ? f32x4.add(v128.load(y), value) : value);
}

// @ts-ignore: decorator
@inline
function storeRow(y: usize, low: v128, high: v128, columns: i32, add: bool): void {
  if (columns >= 8) {
    if (add) {
      low = f32x4.add(v128.load(y), low);
      high = f32x4.add(v128.load(y, 16), high);
    }
    v128.store(y, low);
    v128.store(y, high, 16);
  } else if (columns > 4) {
    v128.store(y, add ? f32x4.add(v128.load(y), low) : low);
    storeFew(y + 16, high, columns - 4, add);
  } else {
    storeFew(y, low, columns, add);
  }
}

/**
 * 4 pixels x 8 columns. a: [depth][4 pixels], b: [depth][8]. One step of the sum per iteration: engines unroll the loop
 * themselves, and do worse when it is unrolled here.
 */
// @ts-ignore: decorator
@inline
function product8(a: usize, b: usize, depth: i32, y: usize, yRow: usize, columns: i32, pixels: i32, add: bool): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  const end = b + (<usize>depth << 5);
  while (b < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let s = v128.load32_splat(a);
    c00 = madd(s, b0, c00);
    c01 = madd(s, b1, c01);
    s = v128.load32_splat(a, 4);
    c10 = madd(s, b0, c10);
    c11 = madd(s, b1, c11);
    s = v128.load32_splat(a, 8);
    c20 = madd(s, b0, c20);
    c21 = madd(s, b1, c21);
    s = v128.load32_splat(a, 12);
    c30 = madd(s, b0, c30);
    c31 = madd(s, b1, c31);
    a += 16;
    b += 32;
  }
  storeRow(y, c00, c01, columns, add);
  if (pixels > 1) storeRow(y + yRow, c10, c11, columns, add);
  if (pixels > 2) storeRow(y + yRow * 2, c20, c21, columns, add);
  if (pixels > 3) storeRow(y + yRow * 3, c30, c31, columns, add);
}

/** 4 pixels x 4 columns, for the last panel of an odd count. */
// @ts-ignore: decorator
@inline
function product4(a: usize, b: usize, depth: i32, y: usize, yRow: usize, columns: i32, pixels: i32, add: bool): void {
  let c0 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let c2 = f32x4.splat(0);
  let c3 = f32x4.splat(0);
  const end = b + (<usize>depth << 4);
  while (b < end) {
    const b0 = v128.load(b);
    c0 = madd(v128.load32_splat(a), b0, c0);
    c1 = madd(v128.load32_splat(a, 4), b0, c1);
    c2 = madd(v128.load32_splat(a, 8), b0, c2);
    c3 = madd(v128.load32_splat(a, 12), b0, c3);
    a += 16;
    b += 16;
  }
  storeFew(y, c0, columns, add);
  if (pixels > 1) storeFew(y + yRow, c1, columns, add);
  if (pixels > 2) storeFew(y + yRow * 2, c2, columns, add);
  if (pixels > 3) storeFew(y + yRow * 3, c3, columns, add);
}

/**
 * y[pixels, columns] = a · b, or added to y. a: [pixels / 4][depth][4], b: [columns / 8][depth][8], but the last panel
 * has four columns if they suffice.
 * @param groupBytes from four pixels of a to the next, @param yRow bytes from one pixel of y to the next
 */
export function multiply(
  a: usize,
  groupBytes: usize,
  b: usize,
  depth: i32,
  y: usize,
  yRow: usize,
  pixels: i32,
  columns: i32,
  add: bool,
): void {
  for (let n = 0; n < columns; n += 8) {
    const left = min(8, columns - n);
    let group = a;
    let out = y + (<usize>n << 2);
    for (let m = 0; m < pixels; m += 4) {
      if (left > 4) product8(group, b, depth, out, yRow, left, pixels - m, add);
      else product4(group, b, depth, out, yRow, left, pixels - m, add);
      group += groupBytes;
      out += yRow << 2;
    }
    b += <usize>depth << 5;
  }
}

/** acc[panel][4 channels][8] += sum over pixels a[pixel][4 channels] * b[panel][pixel][8]. */
// @ts-ignore: decorator
@inline
export function outerProducts(a: usize, b: usize, pixels: i32, panels: i32, acc: usize): void {
  for (const endAcc = acc + (<usize>panels << 7); acc < endAcc; acc += 128) {
    let at = a;
    let c00 = f32x4.splat(0);
    let c01 = f32x4.splat(0);
    let c10 = f32x4.splat(0);
    let c11 = f32x4.splat(0);
    let c20 = f32x4.splat(0);
    let c21 = f32x4.splat(0);
    let c30 = f32x4.splat(0);
    let c31 = f32x4.splat(0);
    const end = b + (<usize>pixels << 5);
    while (b < end) {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      let s = v128.load32_splat(at);
      c00 = madd(s, b0, c00);
      c01 = madd(s, b1, c01);
      s = v128.load32_splat(at, 4);
      c10 = madd(s, b0, c10);
      c11 = madd(s, b1, c11);
      s = v128.load32_splat(at, 8);
      c20 = madd(s, b0, c20);
      c21 = madd(s, b1, c21);
      s = v128.load32_splat(at, 12);
      c30 = madd(s, b0, c30);
      c31 = madd(s, b1, c31);
      at += 16;
      b += 32;
    }
    v128.store(acc, f32x4.add(v128.load(acc), c00));
    v128.store(acc, f32x4.add(v128.load(acc, 16), c01), 16);
    v128.store(acc, f32x4.add(v128.load(acc, 32), c10), 32);
    v128.store(acc, f32x4.add(v128.load(acc, 48), c11), 48);
    v128.store(acc, f32x4.add(v128.load(acc, 64), c20), 64);
    v128.store(acc, f32x4.add(v128.load(acc, 80), c21), 80);
    v128.store(acc, f32x4.add(v128.load(acc, 96), c30), 96);
    v128.store(acc, f32x4.add(v128.load(acc, 112), c31), 112);
  }
}

/** y = f(y + bias) in place; `bias` may be 0, for none. `stride` in bytes. */
export function finish(
  y: usize,
  stride: usize,
  rows: i32,
  columns: i32,
  bias: usize,
  activation: i32,
  slope: f32,
): void {
  if (bias == 0 && activation == Activation.None) return;
  const slopes = f32x4.splat(slope);
  const zero = f32x4.splat(0);
  const six = f32x4.splat(6);
  for (let row = 0; row < rows; row++) {
    for (let n = 0; n < columns; n += 4) {
      const at = y + (<usize>n << 2);
      const live = min(4, columns - n);
      let value = live == 4 ? v128.load(at) : loadPart(at, live);
      if (bias) {
        const from = bias + (<usize>n << 2);
        value = f32x4.add(value, live == 4 ? v128.load(from) : loadPart(from, live));
      }
      if (activation == Activation.LeakyRelu) {
        value = v128.bitselect(f32x4.mul(value, slopes), value, f32x4.lt(value, zero));
      } else if (activation != Activation.None) {
        value = f32x4.max(value, zero);
        if (activation == Activation.Relu6) value = f32x4.min(value, six);
      }
      if (live == 4) v128.store(at, value);
      else storePart(at, value, live);
    }
    y += stride;
  }
}
