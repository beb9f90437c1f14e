// y[pixel, co] = sum over (slot, channel) of S[pixel, slot, channel] * W[slot, channel, co]
//
// Tile by tile: the ring sums of a tile of pixels, then their matrix product with the weights, packed in panels of
// eight columns.
import { PlanField } from "../src/layouts";
import { address, blockChannels, field, max, min } from "./common";
import { packAcross, packAlong } from "./pack";
import { paddedBytes, padImage } from "./padding";
import { finish, multiply } from "./product";
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
  const panelBytes = <usize>(slots * paddedC) << 5;
  const n = begin << 3;
  const count = min(outC, end << 3) - n;
  // Columns of a last panel of four lanes, whose slots are half as long, and of those before it.
  const few = (count & 7) <= 4 ? count & 7 : 0;
  const many = count - few;
  const dst = address(plan, PlanField.Packed) + <usize>begin * panelBytes;
  for (let slot = 0; slot < slots; slot++) {
    const matrix = weights + ((<usize>load<i32>(slotWeights + (<usize>slot << 2)) * inC * outC) << 2);
    const at = <usize>(slot * paddedC) << 4;
    packSlot(matrix, transposed, n, many, inC, paddedC, outC, dst + at * 2, 8, panelBytes);
    packSlot(matrix, transposed, n + many, few, inC, paddedC, outC, dst + <usize>(many >> 3) * panelBytes + at, 4, 0);
  }
}

/** Packs columns [n, n + count) of a matrix [C, OutC] (or, transposed, [OutC, C]). */
function packSlot(
  matrix: usize,
  transposed: i32,
  n: i32,
  count: i32,
  inC: i32,
  paddedC: i32,
  outC: i32,
  dst: usize,
  width: i32,
  panelBytes: usize,
): void {
  const stride = <usize>(transposed ? inC : outC) << 2;
  if (transposed) packAcross(matrix + <usize>n * stride, stride, count, inC, dst, width, panelBytes);
  else packAlong(matrix + (<usize>n << 2), stride, count, inC, dst, width, panelBytes);
  const rowBytes = <usize>width << 2;
  if (paddedC > inC) {
    for (let i = 0; i < count; i += width) {
      memory.fill(dst + <usize>inC * rowBytes, 0, <usize>(paddedC - inC) * rowBytes);
      dst += panelBytes;
    }
  }
}

/**
 * y = f(convolution + bias) for output rows [begin, end), counted over all images; `packWeights` has been called.
 * @param bias one number per output channel, or 0 for none
 */
export function convolve(
  plan: usize,
  x: usize,
  y: usize,
  begin: i32,
  end: i32,
  bias: usize,
  activation: i32,
  slope: f32,
): void {
  const paddedC = field(plan, PlanField.PaddedC);
  const outW = field(plan, PlanField.OutW);
  const outC = field(plan, PlanField.OutC);
  const group = field(plan, PlanField.GroupImages);
  const tileRows = field(plan, PlanField.TileRows);
  const tilePixels = field(plan, PlanField.TilePixels);
  const padded = address(plan, PlanField.Padded);
  const sums = address(plan, PlanField.Sums);
  const packed = address(plan, PlanField.Packed);
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
        multiply(sums, packed, depth, out, <usize>outC << 2, pixels * rowsHere, outC, false);
        finish(out, <usize>outC << 2, pixels * rowsHere, outC, bias, activation, slope);
      }
    }
  }
}
