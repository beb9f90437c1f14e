// dW[slot, channel, co] = sum over pixels of S[pixel, slot, channel] * dy[pixel, co]
//
// The work is split into units: a block of 16 input channels by a chunk of the output rows. The number of chunks
// depends only on the shapes, and chunks are added in order, so the result is bit-identical for any number of threads.
// S is recomputed tile by tile and never stored. The product holds 4 channels x 8 columns in registers for the pixels
// of a tile; tiles are added to the unit's accumulators, and in long units the accumulators to totals every few hundred
// tiles (hierarchical summation, hence accurate).
import { PlanField } from "../src/layouts";
import { addTo, address, blockChannels, blockCount, blockStart, chunkBytes, field, flush, max, min } from "./common";
import { packPanels } from "./pack";
import { paddedBytes, padImage } from "./padding";
import { outerProducts } from "./product";
import { scaleTable, tileSumsFilter } from "./sums";

/** Accumulators of the channel block that starts at c, in a chunk. */
// @ts-ignore: decorator
@inline
function blockAccumulators(plan: usize, chunk: i32, c: i32): usize {
  const before = field(plan, PlanField.Slots) * (c >> 2) * field(plan, PlanField.Panels);
  return address(plan, PlanField.Accumulators) + <usize>chunk * chunkBytes(plan) + (<usize>before << 7);
}

/**
 * Accumulates the gradient of channels [c, c + width) over output rows [begin, end), counted over all images.
 * @param totals of long units
 */
function filterUnit(
  plan: usize,
  x: usize,
  dy: usize,
  c: i32,
  width: i32,
  begin: i32,
  end: i32,
  into: usize,
  totals: usize,
): void {
  const flushTiles = field(plan, PlanField.FlushTiles);
  let tiles = 0;
  const outW = field(plan, PlanField.OutW);
  const outC = field(plan, PlanField.OutC);
  const group = field(plan, PlanField.GroupImages);
  const tileRows = field(plan, PlanField.TileRows);
  const tilePixels = field(plan, PlanField.TilePixels);
  const padded = address(plan, PlanField.Padded);
  const sums = address(plan, PlanField.Sums);
  const packed = address(plan, PlanField.Packed);
  const slots = field(plan, PlanField.Slots);
  const perSlot = width >> 2;
  const vectors = slots * perSlot;
  const inC = field(plan, PlanField.InC);
  const groups = field(plan, PlanField.Groups);
  const channels = inC / groups;
  const columns = outC / groups;
  const panelBytes = <usize>((tileRows * tilePixels + 3) & ~3) << 4;
  const panels = field(plan, PlanField.Panels);
  const imageBytes = paddedBytes(plan, width);
  const rowsPerImage = field(plan, PlanField.OutD) * field(plan, PlanField.OutH);
  const endImage = (end + rowsPerImage - 1) / rowsPerImage;

  scaleTable(plan, width);
  const bytes = <usize>(vectors * panels) << 7;
  memory.fill(into, 0, bytes);
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
        tileSumsFilter(plan, padded, imageBytes, width, row, rowsHere, x0, pixels, panelBytes);
        const tile = pixels * rowsHere;
        const at = dy + ((((<usize>firstRow + row) * outW + x0) * outC) << 2);
        let packedFirst = -1;
        let packedCount = 0;
        for (let v = 0; v < perSlot; v++) {
          // The groups that four channels meet.
          const first = (c + (v << 2)) / channels;
          const count = (min(c + (v << 2) + 3, inC - 1) / channels + 1 - first) * columns;
          if (first != packedFirst || count != packedCount) {
            packPanels(at + (<usize>(first * columns) << 2), <usize>outC << 2, tile, count, packed);
            packedFirst = first;
            packedCount = count;
          }
          for (let k = v; k < vectors; k += perSlot) {
            const a = sums + <usize>k * panelBytes;
            outerProducts(a, packed, tile, (count + 7) >> 3, into + <usize>k * panels * 128);
          }
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

/** Gradient of the weights, units [begin, end) of blocks x chunks; `filterFinish` then combines them. */
export function filterGradient(plan: usize, x: usize, dy: usize, begin: i32, end: i32): void {
  const paddedC = field(plan, PlanField.PaddedC);
  const chunks = field(plan, PlanField.Chunks);
  const rows = field(plan, PlanField.Images) * field(plan, PlanField.OutD) * field(plan, PlanField.OutH);
  for (let unit = begin; unit < end; unit++) {
    const block = unit / chunks;
    const chunk = unit - block * chunks;
    const c = blockStart(block, paddedC);
    const from = <i32>((<i64>rows * chunk) / chunks);
    const to = <i32>((<i64>rows * (chunk + 1)) / chunks);
    const into = blockAccumulators(plan, chunk, c);
    const totals = blockAccumulators(plan, chunks + chunk, c);
    filterUnit(plan, x, dy, c, blockChannels(c, paddedC), from, to, into, totals);
  }
}

/** Adds the chunks of channel blocks [begin, end) and writes them to dW[matrix, InC / groups, OutC]. */
export function filterFinish(plan: usize, dw: usize, begin: i32, end: i32): void {
  const slots = field(plan, PlanField.Slots);
  const inC = field(plan, PlanField.InC);
  const paddedC = field(plan, PlanField.PaddedC);
  const outC = field(plan, PlanField.OutC);
  const chunks = field(plan, PlanField.Chunks);
  const panels = field(plan, PlanField.Panels);
  const groups = field(plan, PlanField.Groups);
  const channels = inC / groups;
  const columns = outC / groups;
  const step = chunkBytes(plan);
  const slotWeights = address(plan, PlanField.SlotWeights);
  for (let block = begin; block < min(end, blockCount(paddedC)); block++) {
    const c = blockStart(block, paddedC);
    const width = blockChannels(c, paddedC);
    const accumulators = blockAccumulators(plan, 0, c);
    const bytes = <usize>(slots * (width >> 2) * panels) << 7;
    for (let chunk = 1; chunk < chunks; chunk++) {
      addTo(accumulators, accumulators + <usize>chunk * step, bytes);
    }
    const live = min(width, inC - c);
    for (let slot = 0; slot < slots; slot++) {
      const matrix = <usize>load<i32>(slotWeights + (<usize>slot << 2));
      for (let i = 0; i < live; i++) {
        const group = (c + i) / channels;
        const first = group * columns;
        // Columns of the groups that these four channels meet before this one.
        const before = first - ((c + (i & ~3)) / channels) * columns;
        const dst = dw + (((matrix * channels + <usize>(c + i - group * channels)) * outC + first) << 2);
        const vector = slot * (width >> 2) + (i >> 2);
        const from = accumulators + <usize>vector * panels * 128 + (<usize>(i & 3) << 5);
        for (let n = 0; n < columns; n++) {
          const column = before + n;
          store<f32>(
            dst + (<usize>n << 2),
            load<f32>(from + <usize>(column >> 3) * 128 + (<usize>(column & 7) << 2)),
          );
        }
      }
    }
  }
}
