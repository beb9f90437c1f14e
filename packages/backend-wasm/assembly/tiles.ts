// A convolution, tile by tile: the ring sums of a tile of pixels, then their matrix product with the weights, packed in
// panels of eight columns. With groups, each has a product of its own, of its channels' sums and its panels.
import { PlanField } from "../src/layouts";
import { address, blockChannels, chunkBytes, field, flush, max, min } from "./common";
import { packPanels } from "./pack";
import { paddedBytes, padImage } from "./padding";
import { finish, multiply, outerProducts } from "./product";
import { scaleTable, storeTransposed, tileSumsForward } from "./sums";

/** Bytes of a group's panels. */
// @ts-ignore: decorator
@inline
export function groupPackedBytes(depth: i32, columns: i32): usize {
  return <usize>(depth * ((columns + 7) >> 3)) << 5;
}

/** into[(slot, channel) / 4][column / 8][4][8] += the sums of a tile's pixels, transposed, times columns of x. */
function accumulate(plan: usize, x: usize, pixels: i32, into: usize): void {
  const outC = field(plan, PlanField.OutC);
  const sums = address(plan, PlanField.Sums);
  const groupBytes = <usize>(field(plan, PlanField.Slots) * field(plan, PlanField.PaddedC)) << 4;
  // Four sums of all pixels, then x.
  const few = address(plan, PlanField.PackedPixels);
  const endFew = few + (<usize>pixels << 4);
  const packed = few + (<usize>((pixels + 3) & ~3) << 4);
  const panels = field(plan, PlanField.Panels);
  packPanels(x, <usize>outC << 2, pixels, outC, packed);
  for (let four = sums; four < sums + groupBytes; four += 64) {
    let a = four;
    for (let to = few; to < endFew; to += 64) {
      storeTransposed(to, 16, v128.load(a), v128.load(a, 16), v128.load(a, 32), v128.load(a, 48));
      a += groupBytes;
    }
    outerProducts(few, packed, pixels, panels, into);
    into += <usize>panels << 7;
  }
}

/**
 * As `convolve`; with `into`, adds S(x)ᵀ · other to it as well.
 * @param other a map like y, @param held image whose padded copy is there already, if it is held alone
 * @returns the image that is held afterwards
 */
export function convolveRows(
  plan: usize,
  x: usize,
  y: usize,
  begin: i32,
  end: i32,
  bias: usize,
  activation: i32,
  slope: f32,
  other: usize,
  into: usize,
  held: i32,
): i32 {
  const paddedC = field(plan, PlanField.PaddedC);
  const outW = field(plan, PlanField.OutW);
  const outC = field(plan, PlanField.OutC);
  const group = field(plan, PlanField.GroupImages);
  const tileRows = field(plan, PlanField.TileRows);
  const tilePixels = field(plan, PlanField.TilePixels);
  const padded = address(plan, PlanField.Padded);
  const sums = address(plan, PlanField.Sums);
  const packed = address(plan, PlanField.Packed);
  const slots = field(plan, PlanField.Slots);
  const groups = field(plan, PlanField.Groups);
  const channels = groups > 1 ? field(plan, PlanField.InC) / groups : paddedC;
  const columns = outC / groups;
  const depth = slots * channels;
  const packedBytes = groupPackedBytes(depth, columns);
  const pixelBytes = <usize>(slots * paddedC) << 4;
  const imageBytes = paddedBytes(plan, paddedC);
  const rowsPerImage = field(plan, PlanField.OutD) * field(plan, PlanField.OutH);
  const endImage = (end + rowsPerImage - 1) / rowsPerImage;
  const bytes = chunkBytes(plan);
  const flushTiles = field(plan, PlanField.FlushTiles);
  let scaledFor = 0;
  let tiles = 0;

  for (let first = begin / rowsPerImage; first < endImage; first += group) {
    const count = min(group, endImage - first);
    for (let i = 0; i < count && first != held; i++) {
      let dst = padded + <usize>i * imageBytes;
      for (let c = 0; c < paddedC; ) {
        const width = blockChannels(c, paddedC);
        padImage(plan, x, first + i, c, width, dst);
        dst += paddedBytes(plan, width);
        c += width;
      }
    }
    if (group == 1) held = first;
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
        for (let g = 0; g < groups; g++) {
          const a = sums + (<usize>(g * depth) << 4);
          const b = packed + <usize>g * packedBytes;
          const to = out + (<usize>(g * columns) << 2);
          multiply(a, pixelBytes, b, depth, to, <usize>outC << 2, pixels * rowsHere, columns, false);
        }
        finish(out, <usize>outC << 2, pixels * rowsHere, outC, bias, activation, slope);
        if (into == 0) continue;
        accumulate(plan, other + (out - y), pixels * rowsHere, into);
        if (++tiles == flushTiles) {
          flush(into, into + <usize>field(plan, PlanField.Chunks) * bytes, bytes);
          tiles = 0;
        }
      }
    }
  }
  return held;
}
