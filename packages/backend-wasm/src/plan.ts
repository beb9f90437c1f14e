// From the shapes of a convolution to a plan: the tables and the buffer sizes that the kernels work from.
//
// A *slot* is what gets a weight matrix of its own: a ring, or a single kernel position of a dense convolution.
// A *tap* is a kernel position; taps that no output pixel finds inside the image are left out, and so are slots
// without taps (a 9×9 kernel on a 2×2 image needs two of its five rings).

import type { Size3 } from "@gmr-conv/tfjs";
import { PlanField } from "./plan-fields.ts";

/** A convolution as the kernels see it: gather from a zero-padded source, then multiply. */
export interface Gather {
  images: number;
  inSize: Size3;
  inChannels: number;
  outSize: Size3;
  outChannels: number;
  kernelSize: Size3;
  /** Slot of each kernel position, row-major; -1 for none. */
  slots: ArrayLike<number>;
  /** Weight matrices, at least the largest slot + 1. */
  matrices: number;
  /** Whether positions mirrored about the centre share their slot in every axis (true for rings). */
  symmetric: boolean;
  strides: Size3;
  dilations: Size3;
  /** Position of source pixel 0 in the padded source; negative crops. */
  offset: Size3;
  /** Distance of source pixels in the padded source. */
  step: Size3;
}

/** What a plan is for: forward-like products, or the gradient of the weights (channel block by channel block). */
export type PlanKind = "forward" | "filter";

/** A plan: the integers for the heap, tables behind the header, buffers behind the tables. */
export interface Plan {
  header: Int32Array;
  tables: Int32Array;
  /** Fields of the header that hold addresses, with the distance in bytes from the header to what they point at. */
  addresses: readonly (readonly [PlanField, number])[];
  /** Bytes of header, tables and buffers together. */
  totalBytes: number;
  /** Buffers from here on are scratch of one thread; those before it (packed weights, accumulators) are shared. */
  threadStart: number;
  /** Units of work that threads may share: output rows (forward), channel blocks × chunks (filter gradient). */
  units: number;
  /** Panels of eight output columns: what the packing of weights is cut into (forward). */
  panels: number;
  /** Blocks of up to 16 input channels: what the end of the filter gradient is cut into. */
  blocks: number;
  /** Multiply-adds of the whole, to judge whether threads pay. */
  multiplyAdds: number;
  /** Whether some weight matrix has no live tap, so that its gradient is zero and must be cleared. */
  hasDeadMatrices: boolean;
}

/** Pixels of a tile: enough to pay for reading the packed weights, few enough for the sums to stay in cache. */
const TILE_PIXELS = 64;
const TILE_FLOATS = 1 << 16;
const GROUP_BYTES = 1 << 19;
/** The filter gradient is cut into about so many units, whatever the number of threads. */
const FILTER_UNITS = 8;
const MIN_CHUNK_PIXELS = 512;
/** Tiles whose sums are added one after the other in float32, where rounding grows with every one. */
const FLUSH_TILES = 256;

const ceilTo = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Kernel indices of one axis which some output pixel may find inside the source: with strides, a few too many. */
function liveIndices(g: Gather, axis: 0 | 1 | 2): number[] {
  const first = g.offset[axis];
  const last = first + (g.inSize[axis] - 1) * g.step[axis];
  const reach = (g.outSize[axis] - 1) * g.strides[axis];
  const live: number[] = [];
  for (let k = 0; k < g.kernelSize[axis]; k++) {
    const at = k * g.dilations[axis];
    if (at <= last && at + reach >= first) live.push(k);
  }
  return live;
}

/** Pairs kernel indices with their mirror images, or leaves each alone. */
function mirrorGroups(live: readonly number[], size: number, symmetric: boolean): number[][] {
  if (!symmetric) return live.map((k) => [k]);
  const groups = new Map<number, number[]>();
  for (const k of live) {
    const distance = Math.abs(k - (size - 1) / 2);
    const group = groups.get(distance);
    if (group) group.push(k);
    else groups.set(distance, [k]);
  }
  return [...groups.values()];
}

/** Makes the plan of a convolution. */
export function makePlan(g: Gather, kind: PlanKind): Plan {
  const padded = [0, 1, 2].map(
    (a) => (g.outSize[a] - 1) * g.strides[a] + (g.kernelSize[a] - 1) * g.dilations[a] + 1,
  );
  const [, padH, padW] = padded as [number, number, number];
  const paddedC = ceilTo(g.inChannels, 4);
  const [, kernelH, kernelW] = g.kernelSize;
  const [outD, outH, outW] = g.outSize;

  const columns = liveIndices(g, 2);
  const rowSources: number[][] = [];
  const taps = new Map<number, { row: number; column: number }[]>();
  for (const zs of mirrorGroups(liveIndices(g, 0), g.kernelSize[0], g.symmetric)) {
    for (const ys of mirrorGroups(liveIndices(g, 1), kernelH, g.symmetric)) {
      const rowStart = (zs[0] * kernelH + ys[0]) * kernelW;
      const live = columns.filter((x) => g.slots[rowStart + x] >= 0);
      if (live.length === 0) continue;
      const row = rowSources.length;
      rowSources.push(
        zs.flatMap((z) => ys.map((y) => (z * g.dilations[0] * padH + y * g.dilations[1]) * padW)),
      );
      for (const x of live) {
        const slot = g.slots[rowStart + x];
        const list = taps.get(slot);
        const tap = { row, column: x * g.dilations[2] };
        if (list) list.push(tap);
        else taps.set(slot, [tap]);
      }
    }
  }
  const liveSlots = [...taps].sort(([a], [b]) => a - b);
  const slots = liveSlots.map(([slot]) => slot);

  const sumsPerPixel = slots.length * (kind === "forward" ? paddedC : Math.min(16, paddedC));
  const wanted = Math.max(16, Math.min(TILE_PIXELS, Math.floor(TILE_FLOATS / Math.max(1, sumsPerPixel))));
  const tilePixels = outW > wanted * 1.5 ? wanted : outW;
  const tileRows = tilePixels < outW ? 1 : Math.max(1, Math.floor(wanted / outW));
  const tile = ceilTo(tilePixels * tileRows, 4);
  const rowPixels = (tilePixels - 1) * g.strides[2] + (kernelW - 1) * g.dilations[2] + 1;

  const blockC = kind === "forward" ? paddedC : Math.min(16, paddedC);
  const imageBytes = padded.reduce((a, b) => a * b, 4 * blockC);
  const groupImages = Math.max(1, Math.min(g.images, Math.floor(GROUP_BYTES / imageBytes)));

  const tables: number[] = [];
  for (const sources of rowSources) {
    tables.push(sources.length, ...sources, ...new Array<number>(4 - sources.length).fill(0));
  }
  const slotTable = tables.length;
  for (const [, list] of liveSlots) {
    tables.push(list.length, ...list.map((t) => t.row * rowPixels + t.column));
  }
  const slotWeights = tables.length;
  tables.push(...slots);

  const header = new Int32Array(PlanField.Count);
  const set = (field: PlanField, ...values: number[]): void => {
    values.forEach((value, i) => {
      header[field + i] = value;
    });
  };
  set(PlanField.Images, g.images, ...g.inSize, g.inChannels, paddedC, ...padded, ...g.offset, ...g.step);
  set(PlanField.OutD, outD, outH, outW, g.outChannels, ...g.strides, groupImages, tileRows, tilePixels);
  set(PlanField.Rows, rowSources.length, rowPixels, slots.length);

  const panels = Math.ceil(g.outChannels / 8);
  const vectors = sumsPerPixel / 4;
  const rest = paddedC % 16;
  const blocks = Math.floor(paddedC / 16) + (rest >> 3) + ((rest >> 2) & 1);
  const rows = g.images * outD * outH;
  const pixels = rows * outW;
  const chunks = Math.max(
    1,
    Math.min(Math.ceil(FILTER_UNITS / blocks), rows, Math.floor(pixels / MIN_CHUNK_PIXELS)),
  );
  const isLong = pixels / chunks > FLUSH_TILES * tilePixels * tileRows;
  set(PlanField.Chunks, chunks, isLong ? FLUSH_TILES : 0);
  const tableAt = 4 * PlanField.Count;
  const addresses: [PlanField, number][] = [
    [PlanField.RowTable, tableAt],
    [PlanField.SlotTable, tableAt + 4 * slotTable],
    [PlanField.SlotWeights, tableAt + 4 * slotWeights],
  ];
  let totalBytes = tableAt + 4 * tables.length;
  const reserve = (field: PlanField, bytes: number): void => {
    totalBytes = ceilTo(totalBytes, 64);
    addresses.push([field, totalBytes]);
    totalBytes += bytes;
  };
  if (kind === "forward") reserve(PlanField.Packed, vectors * panels * 128);
  else
    reserve(PlanField.Accumulators, (isLong ? 2 : 1) * chunks * slots.length * (paddedC / 4) * panels * 128);
  totalBytes = ceilTo(totalBytes, 64);
  const threadStart = totalBytes;
  reserve(PlanField.ScaledTable, 4 * (slotWeights - slotTable));
  reserve(PlanField.RowSums, tileRows * rowSources.length * rowPixels * 64);
  reserve(PlanField.Sums, tile * vectors * 16);
  if (kind === "filter") reserve(PlanField.Packed, tile * panels * 32);
  // The last tile of a row may read up to one row too far: keep that inside the buffer.
  reserve(PlanField.Padded, groupImages * imageBytes + rowPixels * 64);
  return {
    header,
    tables: Int32Array.from(tables),
    addresses,
    totalBytes,
    threadStart,
    units: kind === "forward" ? rows : blocks * chunks,
    panels,
    blocks,
    multiplyAdds: pixels * slots.length * paddedC * g.outChannels,
    hasDeadMatrices: slots.length < g.matrices,
  };
}
