// Rows that are moved, or normalised with given statistics.
import { min } from "./common";

/** Bytes from which on the engine's own copy is the faster one. */
const LONG: usize = 1024;

/** Copies rows of `bytes` bytes from positions `fromStride` bytes apart to positions `toStride` bytes apart. */
export function copyRows(
  from: usize,
  to: usize,
  rows: i32,
  fromStride: usize,
  toStride: usize,
  bytes: usize,
): void {
  for (let row = 0; row < rows; row++) {
    if (bytes >= LONG) memory.copy(to, from, bytes);
    else {
      let i: usize = 0;
      for (; i + 16 <= bytes; i += 16) v128.store(to + i, v128.load(from + i));
      for (; i < bytes; i += 4) store<u32>(to + i, load<u32>(from + i));
    }
    from += fromStride;
    to += toStride;
  }
}

/**
 * y = v where v > 0, else slope * v, v = (x - mean) * factor + offset, of floats [begin, end), of which `begin` is a
 * multiple of `period`. The table holds the means of a period, a multiple of four, then its factors and its offsets.
 */
export function normaliseRows(
  x: usize,
  y: usize,
  table: usize,
  period: i32,
  slope: f32,
  begin: i32,
  end: i32,
): void {
  const size = <usize>period << 2;
  const zero = f32x4.splat(0);
  const slopes = f32x4.splat(slope);
  for (let at = begin; at < end; at += period) {
    const p = x + (<usize>at << 2);
    const q = y + (<usize>at << 2);
    const bytes = <usize>min(period, end - at) << 2;
    let i: usize = 0;
    if (slope == 1) {
      for (; i + 16 <= bytes; i += 16) v128.store(q + i, normalised(p + i, table + i, size));
    } else if (slope == 0) {
      for (; i + 16 <= bytes; i += 16) v128.store(q + i, f32x4.max(normalised(p + i, table + i, size), zero));
    } else {
      for (; i + 16 <= bytes; i += 16) {
        const value = normalised(p + i, table + i, size);
        v128.store(q + i, v128.bitselect(value, f32x4.mul(value, slopes), f32x4.gt(value, zero)));
      }
    }
    for (; i < bytes; i += 4) {
      const own = table + i;
      const value = (load<f32>(p + i) - load<f32>(own)) * load<f32>(own + size) + load<f32>(own + 2 * size);
      store<f32>(q + i, slope == 0 ? max<f32>(value, 0) : value > 0 ? value : value * slope);
    }
  }
}

// @ts-ignore: decorator
@inline
function normalised(p: usize, table: usize, size: usize): v128 {
  const centred = f32x4.sub(v128.load(p), v128.load(table));
  return f32x4.add(f32x4.mul(centred, v128.load(table + size)), v128.load(table + 2 * size));
}
