// Packing the factors of a product, so that its inner kernel reads both from beginning to end.
import { loadPart, min } from "./common";
import { storeTransposed } from "./sums";

/** Lanes of a group or panel that starts at lane i: 4 if they suffice. */
// @ts-ignore: decorator
@inline
function lanesAt(i: i32, count: i32, width: i32): i32 {
  return count - i <= 4 ? 4 : width;
}

/**
 * Packs [depth][count] into groups [count / width][depth][width], zero-filled; the last group has four lanes if they
 * suffice.
 * @param stride bytes from one row of the source to the next, @param width 4 or 8
 * @param groupBytes from one group to the next
 */
export function packAlong(
  src: usize,
  stride: usize,
  count: i32,
  depth: i32,
  dst: usize,
  width: i32,
  groupBytes: usize,
): void {
  const packedBytes = <usize>(depth * width) << 2;
  let i = 0;
  // A cache line at a time.
  for (; i + 16 <= count; i += 16) {
    let from = src + (<usize>i << 2);
    const second = dst + groupBytes;
    if (width == 8) {
      for (let to: usize = 0; to < packedBytes; to += 32) {
        v128.store(dst + to, v128.load(from));
        v128.store(dst + to, v128.load(from, 16), 16);
        v128.store(second + to, v128.load(from, 32));
        v128.store(second + to, v128.load(from, 48), 16);
        from += stride;
      }
      dst += groupBytes << 1;
    } else {
      const third = second + groupBytes;
      const fourth = third + groupBytes;
      for (let to: usize = 0; to < packedBytes; to += 16) {
        v128.store(dst + to, v128.load(from));
        v128.store(second + to, v128.load(from, 16));
        v128.store(third + to, v128.load(from, 32));
        v128.store(fourth + to, v128.load(from, 48));
        from += stride;
      }
      dst += groupBytes << 2;
    }
  }
  for (; i < count; i += width) {
    const lanes = lanesAt(i, count, width);
    const live = min(lanes, count - i);
    let from = src + (<usize>i << 2);
    let to = dst;
    for (let d = 0; d < depth; d++) {
      if (live == lanes) {
        v128.store(to, v128.load(from));
        if (lanes == 8) v128.store(to, v128.load(from, 16), 16);
      } else {
        for (let j = 0; j < live; j++) store<f32>(to + (<usize>j << 2), load<f32>(from + (<usize>j << 2)));
        for (let j = live; j < lanes; j++) store<f32>(to + (<usize>j << 2), 0);
      }
      from += stride;
      to += <usize>lanes << 2;
    }
    dst += groupBytes;
  }
}

/** As `packAlong`, of a source [count][depth]; lanes beyond the last repeat it. */
export function packAcross(
  src: usize,
  stride: usize,
  count: i32,
  depth: i32,
  dst: usize,
  width: i32,
  groupBytes: usize,
): void {
  for (let i = 0; i < count; i += width) {
    const lanes = lanesAt(i, count, width);
    const step = <usize>lanes << 2;
    for (let j = 0; j < lanes; j += 4) {
      let p0 = src + <usize>min(i + j, count - 1) * stride;
      let p1 = src + <usize>min(i + j + 1, count - 1) * stride;
      let p2 = src + <usize>min(i + j + 2, count - 1) * stride;
      let p3 = src + <usize>min(i + j + 3, count - 1) * stride;
      let to = dst + (<usize>j << 2);
      let d = 0;
      for (; d + 4 <= depth; d += 4) {
        storeTransposed(to, step, v128.load(p0), v128.load(p1), v128.load(p2), v128.load(p3));
        p0 += 16;
        p1 += 16;
        p2 += 16;
        p3 += 16;
        to += step << 2;
      }
      for (; d < depth; d++) {
        store<f32>(to, load<f32>(p0));
        store<f32>(to, load<f32>(p1), 4);
        store<f32>(to, load<f32>(p2), 8);
        store<f32>(to, load<f32>(p3), 12);
        p0 += 4;
        p1 += 4;
        p2 += 4;
        p3 += 4;
        to += step;
      }
    }
    dst += groupBytes;
  }
}

/** Packs the first `count` columns of rows into panels [count / 8][row][8], zero-filled. */
export function packPanels(src: usize, stride: usize, rows: i32, count: i32, dst: usize): void {
  const zero = f32x4.splat(0);
  for (let n = 0; n < count; n += 8) {
    const columns = min(8, count - n);
    let from = src + (<usize>n << 2);
    for (let m = 0; m < rows; m++) {
      v128.store(dst, columns < 4 ? loadPart(from, columns) : v128.load(from));
      if (columns == 8) v128.store(dst, v128.load(from, 16), 16);
      else v128.store(dst, columns > 4 ? loadPart(from + 16, columns - 4) : zero, 16);
      from += stride;
      dst += 32;
    }
  }
}
