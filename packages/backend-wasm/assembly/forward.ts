// y[pixel, co] = sum over (slot, channel) of S[pixel, slot, channel] * W[slot, channel, co]
//
// Tile by tile: the ring sums of a tile of pixels, then their matrix product with the weights, packed in panels of
// eight columns; the inner kernel holds 4 pixels x 8 columns in registers.
import { PlanField } from "../src/layouts";
import { address, blockChannels, field, madd, max, min, storePart } from "./common";
import { paddedBytes, padImage } from "./padding";
import { scaleTable, tileSumsForward } from "./sums";

/**
 * Packs weights [matrix, C, OutC] (or, transposed, [matrix, OutC, C]) into panels [OutC / 8][slot, PaddedC][8],
 * zero-filled, for panels [begin, end). The last panel has four columns if they suffice.
 */
export function packWeights(plan: usize, weights: usize, transposed: i32, begin: i32, end: i32): void {
  const slots = field(plan, PlanField.Slots);
  const inC = field(plan, PlanField.InC);
  const paddedC = field(plan, PlanField.PaddedC);
  const outC = field(plan, PlanField.OutC);
  const slotWeights = address(plan, PlanField.SlotWeights);
  const rowStep: usize = transposed ? 4 : <usize>outC << 2;
  const columnStep: usize = transposed ? <usize>inC << 2 : 4;
  let dst = address(plan, PlanField.Packed) + <usize>(begin * slots * paddedC) * 32;
  for (let n = begin << 3; n < min(outC, end << 3); n += 8) {
    const panel = outC - n <= 4 ? 4 : 8;
    const columns = min(panel, outC - n);
    for (let slot = 0; slot < slots; slot++) {
      const matrix = <usize>load<i32>(slotWeights + (<usize>slot << 2));
      const from = weights + ((matrix * inC * outC) << 2) + <usize>n * columnStep;
      for (let c = 0; c < paddedC; c++) {
        const row = from + <usize>c * rowStep;
        const live = c < inC ? columns : 0;
        for (let j = 0; j < live; j++) {
          store<f32>(dst + (<usize>j << 2), load<f32>(row + <usize>j * columnStep));
        }
        for (let j = live; j < panel; j++) store<f32>(dst + (<usize>j << 2), 0);
        dst += <usize>panel << 2;
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function storeRow(y: usize, low: v128, high: v128, columns: i32): void {
  if (columns >= 8) {
    v128.store(y, low);
    v128.store(y, high, 16);
  } else if (columns > 4) {
    v128.store(y, low);
    storePart(y + 16, high, columns - 4);
  } else {
    storePart(y, low, columns);
  }
}

/**
 * 4 pixels x 8 columns. a: [depth][4 pixels], b: [depth][8]. One step of the sum per iteration: engines unroll the loop
 * themselves, and do worse when it is unrolled here.
 */
// @ts-ignore: decorator
@inline
function product8(a: usize, b: usize, depth: i32, y: usize, yRow: usize, columns: i32, pixels: i32): void {
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
  storeRow(y, c00, c01, columns);
  if (pixels > 1) storeRow(y + yRow, c10, c11, columns);
  if (pixels > 2) storeRow(y + yRow * 2, c20, c21, columns);
  if (pixels > 3) storeRow(y + yRow * 3, c30, c31, columns);
}

/** 4 pixels x 4 columns, for the last panel of an odd count. */
// @ts-ignore: decorator
@inline
function product4(a: usize, b: usize, depth: i32, y: usize, yRow: usize, columns: i32, pixels: i32): void {
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
  storePart(y, c0, columns);
  if (pixels > 1) storePart(y + yRow, c1, columns);
  if (pixels > 2) storePart(y + yRow * 2, c2, columns);
  if (pixels > 3) storePart(y + yRow * 3, c3, columns);
}

/** y[pixels, OutC] = S[pixels, depth] * packed weights. */
function multiplyTile(plan: usize, y: usize, pixels: i32, depth: i32): void {
  const outC = field(plan, PlanField.OutC);
  const sums = address(plan, PlanField.Sums);
  const yRow = <usize>outC << 2;
  const groupBytes = <usize>depth << 4;
  let panel = address(plan, PlanField.Packed);
  for (let n = 0; n < outC; n += 8) {
    const columns = min(8, outC - n);
    let a = sums;
    let out = y + (<usize>n << 2);
    for (let m = 0; m < pixels; m += 4) {
      if (columns > 4) product8(a, panel, depth, out, yRow, columns, pixels - m);
      else product4(a, panel, depth, out, yRow, columns, pixels - m);
      a += groupBytes;
      out += yRow << 2;
    }
    panel += <usize>depth << 5;
  }
}

/** Forward convolution of output rows [begin, end), counted over all images; `packWeights` has been called. */
export function convolve(plan: usize, x: usize, y: usize, begin: i32, end: i32): void {
  const paddedC = field(plan, PlanField.PaddedC);
  const outW = field(plan, PlanField.OutW);
  const outC = field(plan, PlanField.OutC);
  const group = field(plan, PlanField.GroupImages);
  const tileRows = field(plan, PlanField.TileRows);
  const tilePixels = field(plan, PlanField.TilePixels);
  const padded = address(plan, PlanField.Padded);
  const depth = field(plan, PlanField.Slots) * paddedC;
  const imageBytes = paddedBytes(plan, paddedC);
  const rowsPerImage = field(plan, PlanField.OutD) * field(plan, PlanField.OutH);
  const endImage = (end + rowsPerImage - 1) / rowsPerImage;
  let scaledFor = 0;

  for (let first = begin / rowsPerImage; first < endImage; first += group) {
    const count = min(group, endImage - first);
    for (let i = 0; i < count; i++) {
      let dst = padded + <usize>i * imageBytes;
      for (let c = 0; c < paddedC; ) {
        const width = blockChannels(c, paddedC);
        padImage(plan, x, first + i, c, width, dst);
        dst += paddedBytes(plan, width);
        c += width;
      }
    }
    const firstRow = first * rowsPerImage;
    const endRow = min(end - firstRow, count * rowsPerImage);
    for (let row = max(0, begin - firstRow); row < endRow; row += tileRows) {
      const rowsHere = min(tileRows, endRow - row);
      for (let x0 = 0; x0 < outW; x0 += tilePixels) {
        const pixels = min(tilePixels, outW - x0);
        let block = padded;
        for (let c = 0; c < paddedC; ) {
          const width = blockChannels(c, paddedC);
          if (scaledFor != width) {
            scaleTable(plan, width);
            scaledFor = width;
          }
          tileSumsForward(plan, block, imageBytes, width, row, rowsHere, x0, pixels, c);
          block += paddedBytes(plan, width);
          c += width;
        }
        const out = y + ((((<usize>firstRow + row) * outW + x0) * outC) << 2);
        multiplyTile(plan, out, pixels * rowsHere, depth);
      }
    }
  }
}
