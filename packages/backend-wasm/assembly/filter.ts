// dW[slot, channel, co] = sum over pixels of S[pixel, slot, channel] * dy[pixel, co]
//
// One channel block at a time, so that blocks can be given to different threads without changing a bit of the
// result. S is made again tile by tile and never stored. The product holds 4 channels x 8 columns in registers
// for the pixels of a tile; tiles are added to accumulators (two-level summation, hence accurate).
import { PlanField } from "../src/plan-fields";
import { address, blockChannels, field, min } from "./common";
import { paddedBytes, padImage } from "./padding";
import { scaleTable, tileSumsFilter } from "./sums";

/** Packs dy[pixels, OutC] into panels [OutC / 8][pixels][8], zero-filled. */
function packGradient(plan: usize, dy: usize, pixels: i32): void {
  const outC = field(plan, PlanField.OutC);
  let dst = address(plan, PlanField.Packed);
  for (let n = 0; n < outC; n += 8) {
    const columns = min(8, outC - n);
    let from = dy + (<usize>n << 2);
    for (let m = 0; m < pixels; m++) {
      if (columns == 8) {
        v128.store(dst, v128.load(from));
        v128.store(dst, v128.load(from, 16), 16);
      } else {
        for (let j = 0; j < columns; j++) {
          store<f32>(dst + (<usize>j << 2), load<f32>(from + (<usize>j << 2)));
        }
        for (let j = columns; j < 8; j++) store<f32>(dst + (<usize>j << 2), 0);
      }
      from += <usize>outC << 2;
      dst += 32;
    }
  }
}

/** acc[4 channels][8] += sum over pixels a[pixel][4 channels] * b[pixel][8]. */
// @ts-ignore: decorator
@inline
function outerProduct(a: usize, b: usize, pixels: i32, acc: usize): void {
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
    let s = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(s, b0));
    c01 = f32x4.add(c01, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(s, b0));
    c11 = f32x4.add(c11, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(s, b0));
    c21 = f32x4.add(c21, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(s, b0));
    c31 = f32x4.add(c31, f32x4.mul(s, b1));
    a += 16;
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

/** Writes the accumulators of a channel block to dW[matrix, InC, OutC]. */
function unpackBlock(plan: usize, dw: usize, c: i32, width: i32): void {
  const slots = field(plan, PlanField.Slots);
  const inC = field(plan, PlanField.InC);
  const outC = field(plan, PlanField.OutC);
  const panels = (outC + 7) >> 3;
  const slotWeights = address(plan, PlanField.SlotWeights);
  const accumulators = address(plan, PlanField.Accumulators);
  const live = min(width, inC - c);
  for (let slot = 0; slot < slots; slot++) {
    const matrix = <usize>load<i32>(slotWeights + (<usize>slot << 2));
    for (let i = 0; i < live; i++) {
      const dst = dw + (((matrix * inC + <usize>(c + i)) * outC) << 2);
      const vector = slot * (width >> 2) + (i >> 2);
      const from = accumulators + <usize>vector * panels * 128 + (<usize>(i & 3) << 5);
      for (let n = 0; n < outC; n++) {
        store<f32>(
          dst + (<usize>n << 2),
          load<f32>(from + <usize>(n >> 3) * 128 + (<usize>(n & 7) << 2)),
        );
      }
    }
  }
}

/** Gradient of the weights for the channel block [c, c + width) of x. */
function filterBlock(plan: usize, x: usize, dy: usize, dw: usize, c: i32, width: i32): void {
  const images = field(plan, PlanField.Images);
  const outW = field(plan, PlanField.OutW);
  const outC = field(plan, PlanField.OutC);
  const group = field(plan, PlanField.GroupImages);
  const tileRows = field(plan, PlanField.TileRows);
  const tilePixels = field(plan, PlanField.TilePixels);
  const padded = address(plan, PlanField.Padded);
  const sums = address(plan, PlanField.Sums);
  const packed = address(plan, PlanField.Packed);
  const accumulators = address(plan, PlanField.Accumulators);
  const vectors = field(plan, PlanField.Slots) * (width >> 2);
  const panelBytes = <usize>((tileRows * tilePixels + 3) & ~3) << 4;
  const panels = (outC + 7) >> 3;
  const imageBytes = paddedBytes(plan, width);
  const rowsPerImage = field(plan, PlanField.OutD) * field(plan, PlanField.OutH);

  scaleTable(plan, width);
  memory.fill(accumulators, 0, <usize>vectors * panels * 128);
  for (let first = 0; first < images; first += group) {
    const count = min(group, images - first);
    for (let i = 0; i < count; i++) padImage(plan, x, first + i, c, width, padded + <usize>i * imageBytes);
    const rows = count * rowsPerImage;
    for (let row = 0; row < rows; row += tileRows) {
      const rowsHere = min(tileRows, rows - row);
      for (let x0 = 0; x0 < outW; x0 += tilePixels) {
        const pixels = min(tilePixels, outW - x0);
        tileSumsFilter(plan, padded, imageBytes, width, row, rowsHere, x0, pixels, panelBytes);
        const tile = pixels * rowsHere;
        packGradient(plan, dy + ((((<usize>first * rowsPerImage + row) * outW + x0) * outC) << 2), tile);
        for (let k = 0; k < vectors; k++) {
          const a = sums + <usize>k * panelBytes;
          let acc = accumulators + <usize>k * panels * 128;
          let b = packed;
          for (let p = 0; p < panels; p++) {
            outerProduct(a, b, tile, acc);
            acc += 128;
            b += <usize>tile << 5;
          }
        }
      }
    }
  }
  unpackBlock(plan, dw, c, width);
}

/** Gradient of the weights for channels [begin, end) of x; both are multiples of 16 or the padded end. */
export function filterGradient(plan: usize, x: usize, dy: usize, dw: usize, begin: i32, end: i32): void {
  for (let c = begin; c < end; ) {
    const width = blockChannels(c, field(plan, PlanField.PaddedC));
    filterBlock(plan, x, dy, dw, c, width);
    c += width;
  }
}
