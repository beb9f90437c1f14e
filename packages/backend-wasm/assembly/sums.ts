// Ring sums: S[pixel, slot, channel] = sum over the slot's taps of the zero-padded image.
//
// A ring is symmetric, so the rows a above and a below the centre always occur together: they are added once per output
// row ("summed rows"), which nearly halves the taps. A block of 16 channels is four vectors, which stay in registers
// while the taps of a slot are added.
//
// S is laid out for the product that follows, whose inner loop reads both factors sequentially:
// - forward, the sum runs over (slot, channel):  [pixel / 4][slot, channel][4 pixels]
// - with groups, which end at any channel:        [pixel / 4][channel, slot][4 pixels]
// - filter gradient, the sum runs over pixels:   [slot, channel / 4][pixel][4 channels]
import { PlanField } from "../src/layouts";
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

/** Computes the summed rows of one output row at `dst` from `base`, the row of its first tap in the padded block. */
function sumRows(plan: usize, base: usize, width: i32, dst: usize): void {
  const rows = field(plan, PlanField.Rows);
  const bytes = (<usize>field(plan, PlanField.RowPixels) * width) << 2;
  const scale = width << 2;
  let table = address(plan, PlanField.RowTable);
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

/** Stores 4 pixels x 4 channels, transposed so that pixels are adjacent, `step` bytes from one channel to the next. */
// @ts-ignore: decorator
@inline
export function storeTransposed(to: usize, step: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab01, cd01, 0, 1, 4, 5));
  v128.store(to + step, v128.shuffle<f32>(ab01, cd01, 2, 3, 6, 7));
  v128.store(to + step * 2, v128.shuffle<f32>(ab23, cd23, 0, 1, 4, 5));
  v128.store(to + step * 3, v128.shuffle<f32>(ab23, cd23, 2, 3, 6, 7));
}

/** Stores 4 pixels x 4 channels, with the channels of each pixel adjacent. */
// @ts-ignore: decorator
@inline
function storePlain(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(to, a);
  v128.store(to, b, 16);
  v128.store(to, c, 32);
  v128.store(to, d, 48);
}

/**
 * Sums of 4 pixels, 8 channels, all slots. p0…p3: the pixels' addresses in the summed rows.
 * @param channelBytes from one channel to the next, if transposed
 */
// @ts-ignore: decorator
@inline
function sums4x8(
  p0: usize,
  p1: usize,
  p2: usize,
  p3: usize,
  table: usize,
  slots: i32,
  to: usize,
  slotBytes: usize,
  vectorBytes: usize,
  channelBytes: usize,
  transposed: bool,
): void {
  for (let slot = 0; slot < slots; slot++) {
    const end = table + 4 + (<usize>load<i32>(table) << 2);
    let at = <usize>load<i32>(table, 4);
    let a0 = v128.load(p0 + at);
    let a1 = v128.load(p0 + at, 16);
    let b0 = v128.load(p1 + at);
    let b1 = v128.load(p1 + at, 16);
    let c0 = v128.load(p2 + at);
    let c1 = v128.load(p2 + at, 16);
    let d0 = v128.load(p3 + at);
    let d1 = v128.load(p3 + at, 16);
    for (table += 8; table < end; table += 4) {
      at = <usize>load<i32>(table);
      a0 = f32x4.add(a0, v128.load(p0 + at));
      a1 = f32x4.add(a1, v128.load(p0 + at, 16));
      b0 = f32x4.add(b0, v128.load(p1 + at));
      b1 = f32x4.add(b1, v128.load(p1 + at, 16));
      c0 = f32x4.add(c0, v128.load(p2 + at));
      c1 = f32x4.add(c1, v128.load(p2 + at, 16));
      d0 = f32x4.add(d0, v128.load(p3 + at));
      d1 = f32x4.add(d1, v128.load(p3 + at, 16));
    }
    if (transposed) {
      storeTransposed(to, channelBytes, a0, b0, c0, d0);
      storeTransposed(to + vectorBytes, channelBytes, a1, b1, c1, d1);
    } else {
      storePlain(to, a0, b0, c0, d0);
      storePlain(to + vectorBytes, a1, b1, c1, d1);
    }
    to += slotBytes;
  }
}

/** Sums of 4 pixels, 4 channels, all slots. */
// @ts-ignore: decorator
@inline
function sums4x4(
  p0: usize,
  p1: usize,
  p2: usize,
  p3: usize,
  table: usize,
  slots: i32,
  to: usize,
  slotBytes: usize,
  channelBytes: usize,
  transposed: bool,
): void {
  for (let slot = 0; slot < slots; slot++) {
    const end = table + 4 + (<usize>load<i32>(table) << 2);
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    for (table += 4; table < end; table += 4) {
      const at = <usize>load<i32>(table);
      a = f32x4.add(a, v128.load(p0 + at));
      b = f32x4.add(b, v128.load(p1 + at));
      c = f32x4.add(c, v128.load(p2 + at));
      d = f32x4.add(d, v128.load(p3 + at));
    }
    if (transposed) storeTransposed(to, channelBytes, a, b, c, d);
    else storePlain(to, a, b, c, d);
    to += slotBytes;
  }
}

/**
 * Sums of a tile for one channel block: the summed rows of all its output rows, then the slots, four pixels at a time.
 * An incomplete last group repeats the last pixel.
 *
 * @param block the block's padded images, @param imageBytes from one to the next
 * @param row first output row of the tile, counted over images, @param rows their number
 * @param x0 first pixel of each row, @param pixels their number
 * @param to where the first sums of the block go, @param groupBytes from four pixels to the next four
 * @param vectorBytes from four channels to the next, @param slotBytes from one slot to the next
 * @param channelBytes from one channel to the next, if transposed
 */
// @ts-ignore: decorator
@inline
function tileSums(
  plan: usize,
  block: usize,
  imageBytes: usize,
  width: i32,
  row: i32,
  rows: i32,
  x0: i32,
  pixels: i32,
  to: usize,
  groupBytes: usize,
  vectorBytes: usize,
  slotBytes: usize,
  channelBytes: usize,
  transposed: bool,
): void {
  const outH = field(plan, PlanField.OutH);
  const rowsPerImage = field(plan, PlanField.OutD) * outH;
  const padH = field(plan, PlanField.PadH);
  const padW = field(plan, PlanField.PadW);
  const strideD = field(plan, PlanField.StrideD);
  const strideH = field(plan, PlanField.StrideH);
  const strideW = field(plan, PlanField.StrideW);
  const slots = field(plan, PlanField.Slots);
  const table = address(plan, PlanField.ScaledTable);
  const summed = address(plan, PlanField.RowSums);
  const summedBytes =
    (<usize>(field(plan, PlanField.Rows) * field(plan, PlanField.RowPixels)) * width) << 2;

  for (let r = 0; r < rows; r++) {
    const image = (row + r) / rowsPerImage;
    const inImage = row + r - image * rowsPerImage;
    const z = inImage / outH;
    const y = inImage - z * outH;
    const at = (<usize>(z * strideD) * padH + y * strideH) * padW + x0 * strideW;
    sumRows(plan, block + <usize>image * imageBytes + ((at * width) << 2), width, summed + <usize>r * summedBytes);
  }

  const step = <usize>((strideW * width) << 2);
  const total = rows * pixels;
  let x = 0;
  let rowStart = summed;
  let p = summed;
  for (let m = 0; m < total; m += 4) {
    const p0 = p;
    // To the next pixel, on the next row at the end of one; the last one is repeated.
    if (m + 1 < total) {
      p += step;
      if (++x == pixels) {
        x = 0;
        rowStart += summedBytes;
        p = rowStart;
      }
    }
    const p1 = p;
    if (m + 2 < total) {
      p += step;
      if (++x == pixels) {
        x = 0;
        rowStart += summedBytes;
        p = rowStart;
      }
    }
    const p2 = p;
    if (m + 3 < total) {
      p += step;
      if (++x == pixels) {
        x = 0;
        rowStart += summedBytes;
        p = rowStart;
      }
    }
    const p3 = p;
    p += step;
    if (++x == pixels) {
      x = 0;
      rowStart += summedBytes;
      p = rowStart;
    }
    if (width == 4) {
      sums4x4(p0, p1, p2, p3, table, slots, to, slotBytes, channelBytes, transposed);
    } else {
      for (let c: usize = 0; c < <usize>width << 2; c += 32) {
        sums4x8(
          p0 + c,
          p1 + c,
          p2 + c,
          p3 + c,
          table,
          slots,
          to + (c >> 4) * vectorBytes,
          slotBytes,
          vectorBytes,
          channelBytes,
          transposed,
        );
      }
    }
    to += groupBytes;
  }
}

/** Sums of a tile for the forward product; `channel` is the block's first. */
export function tileSumsForward(
  plan: usize,
  block: usize,
  imageBytes: usize,
  width: i32,
  row: i32,
  rows: i32,
  x0: i32,
  pixels: i32,
  channel: i32,
): void {
  const paddedC = field(plan, PlanField.PaddedC);
  const slots = field(plan, PlanField.Slots);
  const grouped = field(plan, PlanField.Groups) > 1;
  const channelBytes = <usize>(grouped ? slots : 1) << 4;
  const slotBytes = <usize>(grouped ? 1 : paddedC) << 4;
  const to = address(plan, PlanField.Sums) + <usize>channel * channelBytes;
  const pixelBytes = <usize>(slots * paddedC) << 4;
  const vectorBytes = channelBytes << 2;
  tileSums(
    plan,
    block,
    imageBytes,
    width,
    row,
    rows,
    x0,
    pixels,
    to,
    pixelBytes,
    vectorBytes,
    slotBytes,
    channelBytes,
    true,
  );
}

/** Sums of a tile for the filter gradient; `panelBytes` lie between four channels and the next four. */
export function tileSumsFilter(
  plan: usize,
  block: usize,
  imageBytes: usize,
  width: i32,
  row: i32,
  rows: i32,
  x0: i32,
  pixels: i32,
  panelBytes: usize,
): void {
  const to = address(plan, PlanField.Sums);
  const slotBytes = panelBytes * <usize>(width >> 2);
  tileSums(plan, block, imageBytes, width, row, rows, x0, pixels, to, 64, panelBytes, slotBytes, 0, false);
}
