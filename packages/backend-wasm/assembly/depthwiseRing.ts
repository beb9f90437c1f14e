// Ring convolutions of each channel by itself: y[pixel, c] = sum over slots of S[pixel, slot, c] * W[slot, c].
//
// Channel block by channel block, and tile by tile, as in filter.ts: the ring sums of a tile, then their products with
// the block's weights, four pixels at a time, or with dy for the gradient of the weights.
import { PlanField } from "../src/layouts";
import { address, blockChannels, blockCount, blockStart, field, flush, madd, max, min, storePart } from "./common";
import { copyPixel, paddedBytes, padImage } from "./padding";
import { scaleTable, tileSumsFilter } from "./sums";

/** Copies the weights [matrix, C] of channels [c, c + width) to [slot][width], zero-filled. */
function packBlock(plan: usize, weights: usize, c: i32, width: i32): void {
  const channels = field(plan, PlanField.InC);
  const slots = field(plan, PlanField.Slots);
  const slotWeights = address(plan, PlanField.SlotWeights);
  let dst = address(plan, PlanField.Packed);
  for (let slot = 0; slot < slots; slot++) {
    const matrix = load<i32>(slotWeights + (<usize>slot << 2));
    copyPixel(dst, weights + (<usize>(matrix * channels + c) << 2), min(width, channels - c), width);
    dst += <usize>width << 2;
  }
}

/** y = the sums of a tile times the packed weights; y: the tile's first pixel, at the block's first channel. */
function multiplyBlock(
  plan: usize,
  y: usize,
  live: i32,
  width: i32,
  pixels: i32,
  panelBytes: usize,
): void {
  const slots = field(plan, PlanField.Slots);
  const step = <usize>field(plan, PlanField.OutC) << 2;
  const slotBytes = panelBytes * <usize>(width >> 2);
  let panel = address(plan, PlanField.Sums);
  let weights = address(plan, PlanField.Packed);
  const endWeights = <usize>(slots * width) << 2;
  for (let c = 0; c < live; c += 4) {
    const columns = live - c;
    const end = weights + endWeights;
    let to = y + (<usize>c << 2);
    for (let m = 0; m < pixels; m += 4) {
      let s0 = f32x4.splat(0);
      let s1 = f32x4.splat(0);
      let s2 = f32x4.splat(0);
      let s3 = f32x4.splat(0);
      let a = panel + (<usize>m << 4);
      for (let at = weights; at < end; at += <usize>width << 2) {
        const w = v128.load(at);
        s0 = madd(v128.load(a), w, s0);
        s1 = madd(v128.load(a, 16), w, s1);
        s2 = madd(v128.load(a, 32), w, s2);
        s3 = madd(v128.load(a, 48), w, s3);
        a += slotBytes;
      }
      if (columns >= 4 && m + 4 <= pixels) {
        v128.store(to, s0);
        v128.store(to + step, s1);
        v128.store(to + step * 2, s2);
        v128.store(to + step * 3, s3);
      } else {
        storePart(to, s0, columns);
        if (m + 1 < pixels) storePart(to + step, s1, columns);
        if (m + 2 < pixels) storePart(to + step * 2, s2, columns);
        if (m + 3 < pixels) storePart(to + step * 3, s3, columns);
      }
      to += step << 2;
    }
    panel += panelBytes;
    weights += 16;
  }
}

/** into[slot][width] += the sums of a tile times dy, whose pixels lie `step` bytes apart. */
function accumulateBlock(
  plan: usize,
  dy: usize,
  step: usize,
  width: i32,
  pixels: i32,
  panelBytes: usize,
  into: usize,
): void {
  const slots = field(plan, PlanField.Slots);
  let panel = address(plan, PlanField.Sums);
  for (let slot = 0; slot < slots; slot++) {
    for (let c = 0; c < width; c += 4) {
      let s0 = f32x4.splat(0);
      let s1 = f32x4.splat(0);
      let s2 = f32x4.splat(0);
      let s3 = f32x4.splat(0);
      let a = panel;
      let b = dy + (<usize>c << 2);
      let m = 4;
      for (; m <= pixels; m += 4) {
        s0 = madd(v128.load(a), v128.load(b), s0);
        b += step;
        s1 = madd(v128.load(a, 16), v128.load(b), s1);
        b += step;
        s2 = madd(v128.load(a, 32), v128.load(b), s2);
        b += step;
        s3 = madd(v128.load(a, 48), v128.load(b), s3);
        b += step;
        a += 64;
      }
      for (m -= 4; m < pixels; m++) {
        s0 = madd(v128.load(a), v128.load(b), s0);
        b += step;
        a += 16;
      }
      const sum = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
      v128.store(into, f32x4.add(v128.load(into), sum));
      into += 16;
      panel += panelBytes;
    }
  }
}

/**
 * Channels [c, c + width) of output rows [begin, end), counted over all images: y from the packed weights or, where
 * `into` is given, the gradient of the weights from y = dy.
 * @param totals of long units
 */
function blockRows(
  plan: usize,
  x: usize,
  y: usize,
  c: i32,
  width: i32,
  begin: i32,
  end: i32,
  into: usize,
  totals: usize,
): void {
  const flushTiles = into ? field(plan, PlanField.FlushTiles) : 0;
  let tiles = 0;
  const outW = field(plan, PlanField.OutW);
  const outC = field(plan, PlanField.OutC);
  const group = field(plan, PlanField.GroupImages);
  const tileRows = field(plan, PlanField.TileRows);
  const tilePixels = field(plan, PlanField.TilePixels);
  const padded = address(plan, PlanField.Padded);
  const packed = address(plan, PlanField.Packed);
  const panelBytes = <usize>((tileRows * tilePixels + 3) & ~3) << 4;
  const imageBytes = paddedBytes(plan, width);
  const rowsPerImage = field(plan, PlanField.OutD) * field(plan, PlanField.OutH);
  const endImage = (end + rowsPerImage - 1) / rowsPerImage;
  const live = min(width, outC - c);
  const step = <usize>outC << 2;
  const bytes = <usize>(field(plan, PlanField.Slots) * width) << 2;

  scaleTable(plan, width);
  if (into) memory.fill(into, 0, bytes);
  if (flushTiles) memory.fill(totals, 0, bytes);
  for (let first = begin / rowsPerImage; first < endImage; first += group) {
    const count = min(group, endImage - first);
    for (let i = 0; i < count; i++) padImage(plan, x, first + i, c, width, padded + <usize>i * imageBytes);
    const firstRow = first * rowsPerImage;
    const endRow = min(end - firstRow, count * rowsPerImage);
    for (let row = max(0, begin - firstRow); row < endRow; row += tileRows) {
      const rowsHere = min(tileRows, endRow - row);
      for (let x0 = 0; x0 < outW; x0 += tilePixels) {
        const pixels = min(tilePixels, outW - x0);
        const tile = pixels * rowsHere;
        const at = y + ((((<usize>firstRow + row) * outW + x0) * outC + c) << 2);
        tileSumsFilter(plan, padded, imageBytes, width, row, rowsHere, x0, pixels, panelBytes);
        if (!into) {
          multiplyBlock(plan, at, live, width, tile, panelBytes);
          continue;
        }
        if (live == width) {
          accumulateBlock(plan, at, step, width, tile, panelBytes, into);
        } else {
          for (let m = 0; m < tile; m++) {
            copyPixel(packed + (<usize>(m * width) << 2), at + <usize>m * step, live, width);
          }
          accumulateBlock(plan, packed, <usize>width << 2, width, tile, panelBytes, into);
        }
        if (++tiles == flushTiles) {
          flush(into, totals, bytes);
          tiles = 0;
        }
      }
    }
  }
  if (flushTiles) flush(totals, into, bytes);
}

// @ts-ignore: decorator
@inline
function rowCount(plan: usize): i32 {
  return field(plan, PlanField.Images) * field(plan, PlanField.OutD) * field(plan, PlanField.OutH);
}

/** y[pixel, C] with weights [matrix, C], units [begin, end) of channel blocks x output rows over all images. */
export function depthwiseRing(plan: usize, x: usize, weights: usize, y: usize, begin: i32, end: i32): void {
  const paddedC = field(plan, PlanField.PaddedC);
  const rows = rowCount(plan);
  for (let unit = begin; unit < end; ) {
    const block = unit / rows;
    const from = unit - block * rows;
    const to = min(rows, from + end - unit);
    const c = blockStart(block, paddedC);
    const width = blockChannels(c, paddedC);
    packBlock(plan, weights, c, width);
    blockRows(plan, x, y, c, width, from, to, 0, 0);
    unit += to - from;
  }
}

/** Accumulators of the channel block that starts at c, in a chunk: [slot][width]. */
// @ts-ignore: decorator
@inline
function blockAccumulators(plan: usize, chunk: i32, c: i32): usize {
  const before = field(plan, PlanField.Slots) * (chunk * field(plan, PlanField.PaddedC) + c);
  return address(plan, PlanField.Accumulators) + (<usize>before << 2);
}

/** Gradient of the weights, units [begin, end) of channel blocks x chunks; `depthwiseRingFinish` combines them. */
export function depthwiseRingFilter(plan: usize, x: usize, dy: usize, begin: i32, end: i32): void {
  const paddedC = field(plan, PlanField.PaddedC);
  const chunks = field(plan, PlanField.Chunks);
  const rows = rowCount(plan);
  for (let unit = begin; unit < end; unit++) {
    const block = unit / chunks;
    const chunk = unit - block * chunks;
    const c = blockStart(block, paddedC);
    const from = <i32>((<i64>rows * chunk) / chunks);
    const to = <i32>((<i64>rows * (chunk + 1)) / chunks);
    const into = blockAccumulators(plan, chunk, c);
    const totals = blockAccumulators(plan, chunks + chunk, c);
    blockRows(plan, x, dy, c, blockChannels(c, paddedC), from, to, into, totals);
  }
}

/** Adds the chunks of all channel blocks, in order, and writes them to dW[matrix, C]. */
export function depthwiseRingFinish(plan: usize, dw: usize): void {
  const slots = field(plan, PlanField.Slots);
  const channels = field(plan, PlanField.InC);
  const paddedC = field(plan, PlanField.PaddedC);
  const chunks = field(plan, PlanField.Chunks);
  const slotWeights = address(plan, PlanField.SlotWeights);
  const sums = address(plan, PlanField.Accumulators);
  for (let chunk = 1; chunk < chunks; chunk++) {
    flush(blockAccumulators(plan, chunk, 0), sums, <usize>(slots * paddedC) << 2);
  }
  for (let block = 0; block < blockCount(paddedC); block++) {
    const c = blockStart(block, paddedC);
    const width = blockChannels(c, paddedC);
    let from = blockAccumulators(plan, 0, c);
    for (let slot = 0; slot < slots; slot++) {
      const matrix = load<i32>(slotWeights + (<usize>slot << 2));
      memory.copy(dw + (<usize>(matrix * channels + c) << 2), from, <usize>min(width, channels - c) << 2);
      from += <usize>width << 2;
    }
  }
}
