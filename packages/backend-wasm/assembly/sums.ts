// Ring sums: S[pixel, slot, channel] = sum over the slot's taps of the zero-padded image.
//
// A ring is symmetric, so the rows a above and a below the centre always go together: they are added once per
// output row ("summed rows"), which nearly halves the taps. A block of 16 channels is four vectors, which stay
// in registers while the taps of a slot are added.
//
// S is laid out for the product that follows, whose inner loop then reads both factors from front to back:
// - forward, the sum runs over (slot, channel):  [pixel / 4][slot, channel][4 pixels]
// - filter gradient, the sum runs over pixels:   [slot, channel / 4][pixel][4 channels]
import { PlanField } from "../src/plan-fields";
import { address, field } from "./common";

/** Scales the offsets of the slot table from pixels to bytes for blocks of `width` channels. */
export function scaleTable(plan: usize, width: i32): void {
  const slots = field(plan, PlanField.Slots);
  let from = address(plan, PlanField.SlotTable);
  let to = address(plan, PlanField.ScaledTable);
  const scale = width << 2;
  for (let slot = 0; slot < slots; slot++) {
    const taps = load<i32>(from);
    store<i32>(to, taps);
    from += 4;
    to += 4;
    for (let t = 0; t < taps; t++) {
      store<i32>(to, load<i32>(from) * scale);
      from += 4;
      to += 4;
    }
  }
}

/** Makes the summed rows of one output row from `base`, the address of its first pixel in the padded block. */
function sumRows(plan: usize, base: usize, width: i32): void {
  const rows = field(plan, PlanField.Rows);
  const bytes = (<usize>field(plan, PlanField.RowPixels) * width) << 2;
  const scale = width << 2;
  let table = address(plan, PlanField.RowTable);
  let dst = address(plan, PlanField.RowSums);
  for (let r = 0; r < rows; r++) {
    const count = load<i32>(table);
    const a = base + <usize>(load<i32>(table, 4) * scale);
    if (count == 1) {
      memory.copy(dst, a, bytes);
    } else {
      const b = base + <usize>(load<i32>(table, 8) * scale);
      if (count == 2) {
        for (let i: usize = 0; i < bytes; i += 16) {
          v128.store(dst + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
        }
      } else {
        const c = base + <usize>(load<i32>(table, 12) * scale);
        const d = base + <usize>(load<i32>(table, 16) * scale);
        for (let i: usize = 0; i < bytes; i += 16) {
          v128.store(
            dst + i,
            f32x4.add(
              f32x4.add(v128.load(a + i), v128.load(b + i)),
              f32x4.add(v128.load(c + i), v128.load(d + i)),
            ),
          );
        }
      }
    }
    dst += bytes;
    table += 20;
  }
}

/** Stores 4 pixels x 4 channels, turned so that the pixels lie side by side. */
// @ts-ignore: decorator
@inline
function storeTransposed(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab01, cd01, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<f32>(ab01, cd01, 2, 3, 6, 7), 16);
  v128.store(to, v128.shuffle<f32>(ab23, cd23, 0, 1, 4, 5), 32);
  v128.store(to, v128.shuffle<f32>(ab23, cd23, 2, 3, 6, 7), 48);
}

/** Stores 4 pixels x 4 channels, the channels of each pixel side by side. */
// @ts-ignore: decorator
@inline
function storePlain(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(to, a);
  v128.store(to, b, 16);
  v128.store(to, c, 32);
  v128.store(to, d, 48);
}

/** Sums of 4 neighbouring pixels, 8 channels, all slots. v: summed rows at the first pixel, step: to the next. */
// @ts-ignore: decorator
@inline
function sums4x8(
  v: usize,
  step: usize,
  table: usize,
  slots: i32,
  to: usize,
  slotBytes: usize,
  vectorBytes: usize,
  transposed: bool,
): void {
  for (let slot = 0; slot < slots; slot++) {
    const end = table + 4 + (<usize>load<i32>(table) << 2);
    let p = v + <usize>load<i32>(table, 4);
    let a0 = v128.load(p);
    let a1 = v128.load(p, 16);
    p += step;
    let b0 = v128.load(p);
    let b1 = v128.load(p, 16);
    p += step;
    let c0 = v128.load(p);
    let c1 = v128.load(p, 16);
    p += step;
    let d0 = v128.load(p);
    let d1 = v128.load(p, 16);
    for (table += 8; table < end; table += 4) {
      p = v + <usize>load<i32>(table);
      a0 = f32x4.add(a0, v128.load(p));
      a1 = f32x4.add(a1, v128.load(p, 16));
      p += step;
      b0 = f32x4.add(b0, v128.load(p));
      b1 = f32x4.add(b1, v128.load(p, 16));
      p += step;
      c0 = f32x4.add(c0, v128.load(p));
      c1 = f32x4.add(c1, v128.load(p, 16));
      p += step;
      d0 = f32x4.add(d0, v128.load(p));
      d1 = f32x4.add(d1, v128.load(p, 16));
    }
    if (transposed) {
      storeTransposed(to, a0, b0, c0, d0);
      storeTransposed(to + vectorBytes, a1, b1, c1, d1);
    } else {
      storePlain(to, a0, b0, c0, d0);
      storePlain(to + vectorBytes, a1, b1, c1, d1);
    }
    to += slotBytes;
  }
}

/** Sums of 4 neighbouring pixels, 4 channels, all slots. */
// @ts-ignore: decorator
@inline
function sums4x4(
  v: usize,
  step: usize,
  table: usize,
  slots: i32,
  to: usize,
  slotBytes: usize,
  transposed: bool,
): void {
  for (let slot = 0; slot < slots; slot++) {
    const end = table + 4 + (<usize>load<i32>(table) << 2);
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    for (table += 4; table < end; table += 4) {
      let p = v + <usize>load<i32>(table);
      a = f32x4.add(a, v128.load(p));
      p += step;
      b = f32x4.add(b, v128.load(p));
      p += step;
      c = f32x4.add(c, v128.load(p));
      p += step;
      d = f32x4.add(d, v128.load(p));
    }
    if (transposed) storeTransposed(to, a, b, c, d);
    else storePlain(to, a, b, c, d);
    to += slotBytes;
  }
}

/** Sums of one pixel, 4 channels, all slots. `to` is where the first channel goes. */
// @ts-ignore: decorator
@inline
function sums1x4(v: usize, table: usize, slots: i32, to: usize, slotBytes: usize, transposed: bool): void {
  for (let slot = 0; slot < slots; slot++) {
    const end = table + 4 + (<usize>load<i32>(table) << 2);
    let a = f32x4.splat(0);
    for (table += 4; table < end; table += 4) a = f32x4.add(a, v128.load(v + <usize>load<i32>(table)));
    if (transposed) {
      store<f32>(to, f32x4.extract_lane(a, 0));
      store<f32>(to, f32x4.extract_lane(a, 1), 16);
      store<f32>(to, f32x4.extract_lane(a, 2), 32);
      store<f32>(to, f32x4.extract_lane(a, 3), 48);
    } else {
      v128.store(to, a);
    }
    to += slotBytes;
  }
}

/**
 * Sums of one output row (or a part of it) for one channel block, for the forward product.
 * @param base the block of the padded image at the row's first tap position
 * @param pixels how many to make, @param first index of the first one in the tile
 * @param depth slots * padded channels, @param slotChannels padded channels of a slot
 * @param channel the block's first channel
 */
export function ringSumsForward(
  plan: usize,
  base: usize,
  width: i32,
  pixels: i32,
  first: i32,
  depth: i32,
  slotChannels: i32,
  channel: i32,
): void {
  sumRows(plan, base, width);
  const slots = field(plan, PlanField.Slots);
  const table = address(plan, PlanField.ScaledTable);
  const sums = address(plan, PlanField.Sums) + (<usize>channel << 4);
  const groupBytes = <usize>depth << 4;
  const slotBytes = <usize>slotChannels << 4;
  const step = <usize>((field(plan, PlanField.StrideW) * width) << 2);
  let v = address(plan, PlanField.RowSums);
  for (let m = first, end = first + pixels; m < end; ) {
    const to = sums + <usize>(m >> 2) * groupBytes;
    if ((m & 3) == 0 && m + 4 <= end) {
      if (width == 4) {
        sums4x4(v, step, table, slots, to, slotBytes, true);
      } else {
        for (let c = 0; c < width; c += 8) {
          sums4x8(v + (<usize>c << 2), step, table, slots, to + (<usize>c << 4), slotBytes, 64, true);
        }
      }
      m += 4;
      v += step << 2;
    } else {
      const lane = <usize>(m & 3) << 2;
      for (let c = 0; c < width; c += 4) {
        sums1x4(v + (<usize>c << 2), table, slots, to + (<usize>c << 4) + lane, slotBytes, true);
      }
      m++;
      v += step;
    }
  }
}

/**
 * Sums of one output row (or a part of it) for one channel block, for the filter gradient.
 * @param panelBytes from one channel vector to the next: 16 bytes for every pixel of a full tile
 */
export function ringSumsFilter(
  plan: usize,
  base: usize,
  width: i32,
  pixels: i32,
  first: i32,
  panelBytes: usize,
): void {
  sumRows(plan, base, width);
  const slots = field(plan, PlanField.Slots);
  const table = address(plan, PlanField.ScaledTable);
  const slotBytes = panelBytes * <usize>(width >> 2);
  const step = <usize>((field(plan, PlanField.StrideW) * width) << 2);
  let to = address(plan, PlanField.Sums) + (<usize>first << 4);
  let v = address(plan, PlanField.RowSums);
  let m = 0;
  for (; m + 4 <= pixels; m += 4) {
    if (width == 4) {
      sums4x4(v, step, table, slots, to, slotBytes, false);
    } else {
      for (let c = 0; c < width; c += 8) {
        const panel = to + <usize>(c >> 2) * panelBytes;
        sums4x8(v + (<usize>c << 2), step, table, slots, panel, slotBytes, panelBytes, false);
      }
    }
    v += step << 2;
    to += 64;
  }
  for (; m < pixels; m++) {
    for (let c = 0; c < width; c += 4) {
      const panel = to + <usize>(c >> 2) * panelBytes;
      sums1x4(v + (<usize>c << 2), table, slots, panel, slotBytes, false);
    }
    v += step;
    to += 16;
  }
}
