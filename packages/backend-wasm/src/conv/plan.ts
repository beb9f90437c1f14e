// Turns a convolution into a plan: the tables and buffer sizes that the kernels work from.
//
// A *slot* is what has its own weight matrix: a ring, or a single kernel position of a dense convolution. A *tap* is a
// kernel position that some output pixel finds inside the image.

import { type Gather, summedRows, volume } from "@gmr-conv/tfjs";
import { PlanField } from "../layouts.ts";

/**
 * What a plan is for: forward-like products, the gradient of the weights (channel block by channel block), or dx with the
 * gradient of the weights; or one of the first two of a convolution of each channel by itself (both by blocks).
 */
export type PlanKind = "forward" | "filter" | "both" | "depthwise" | "depthwiseFilter";

/** A plan: the integers for the heap, tables after the header, buffers after the tables. */
export interface Plan {
  header: Int32Array;
  tables: Int32Array;
  /** Header fields that hold addresses, with the byte offset of their targets from the header. */
  addresses: readonly (readonly [PlanField, number])[];
  /** Total bytes of header, tables and buffers. */
  totalBytes: number;
  /** Buffers from here on are per-thread scratch; those before it (packed weights, accumulators) are shared. */
  threadStart: number;
  /**
   * Units of work that threads may share: output rows (forward), channel blocks × chunks (gradients of weights), chunks
   * (both gradients), or channel blocks × output rows (depthwise).
   */
  units: number;
  /** Panels of eight output columns, or groups: the units of packing the weights (forward, both gradients). */
  panels: number;
  /** Units of finishing the filter gradient: blocks of up to 16 input channels; with dx, four channels of a slot. */
  finishUnits: number;
  /** Total multiply-adds, to judge whether threads pay off. */
  multiplyAdds: number;
  /** Whether some weight matrix has no live tap, so that its gradient is zero and must be cleared. */
  hasDeadMatrices: boolean;
}

/** Pixels of a tile: enough to amortise reading the packed weights, few enough for the sums to stay in cache. */
const TILE_PIXELS = 64;
const TILE_FLOATS = 1 << 17;
const GROUP_BYTES = 1 << 19;
/** Approximate numbers of units of the filter gradient and of both gradients, independent of the number of threads. */
const FILTER_UNITS = 8;
const BOTH_UNITS = 16;
const MIN_CHUNK_PIXELS = 512;
/** Tiles whose sums are added in float32, where each addition rounds. */
const FLUSH_TILES = 256;

const ceilTo = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Whether the sums of all channels are multiplied at once. */
const isForward = (kind: PlanKind): boolean => kind === "forward" || kind === "both";

/** How the output is tiled, and how much is held at a time. */
interface Tiling {
  /** Channels rounded up to a multiple of four, and channels padded at a time. */
  paddedC: number;
  blockC: number;
  sumsPerPixel: number;
  tilePixels: number;
  tileRows: number;
  /** Pixels of a row that the taps of a tile read. */
  rowPixels: number;
  /** Bytes of a padded image, and the number of images padded at a time. */
  imageBytes: number;
  groupImages: number;
}

function tilingOf(g: Gather, kind: PlanKind): Tiling {
  const [, , outW] = g.outSize;
  const paddedC = ceilTo(g.inChannels, 4);
  const blockC = isForward(kind) ? paddedC : Math.min(16, paddedC);
  const sumsPerPixel = g.slots.length * blockC;
  const wanted = Math.max(16, Math.min(TILE_PIXELS, Math.floor(TILE_FLOATS / Math.max(1, sumsPerPixel))));
  const tilePixels = outW > wanted * 1.5 ? wanted : outW;
  const tileRows = tilePixels < outW ? 1 : Math.max(1, Math.floor(wanted / outW));
  const rowPixels = (tilePixels - 1) * g.strides[2] + (g.kernelSize[2] - 1) * g.dilations[2] + 1;
  const imageBytes = 4 * blockC * volume(g.paddedSize);
  const groupImages = Math.max(1, Math.min(g.images, Math.floor(GROUP_BYTES / imageBytes)));
  return { paddedC, blockC, sumsPerPixel, tilePixels, tileRows, rowPixels, imageBytes, groupImages };
}

/** How the filter gradient is shared. */
interface Shares {
  /** Blocks of up to 16 input channels. */
  blocks: number;
  /** Parts into which the output rows are cut. */
  chunks: number;
  /** Whether the sums of a chunk are so long that they are taken in parts. */
  isLong: boolean;
}

function sharesOf(
  { images, outSize }: Gather,
  { paddedC, tilePixels, tileRows }: Tiling,
  kind: PlanKind,
): Shares {
  const [outD, outH, outW] = outSize;
  const rest = paddedC % 16;
  const blocks = Math.floor(paddedC / 16) + (rest >> 3) + ((rest >> 2) & 1);
  const rows = images * outD * outH;
  const wanted = Math.min(
    kind === "both" ? BOTH_UNITS : Math.ceil(FILTER_UNITS / blocks),
    rows,
    Math.floor((rows * outW) / MIN_CHUNK_PIXELS),
  );
  const chunks = Math.max(1, wanted);
  return { blocks, chunks, isLong: (rows * outW) / chunks > FLUSH_TILES * tilePixels * tileRows };
}

/** At most so many panels of eight columns meet four channels of the source, those of their groups. */
function panelsPerVector({ inChannels, outChannels }: Gather, groups: number): number {
  const channels = inChannels / groups;
  const most = channels % 4 === 0 ? 1 : Math.max(2, 4 / channels);
  return Math.ceil((Math.min(groups, most) * outChannels) / groups / 8);
}

/** Offsets of the tables and buffers of a plan, starting at its header. */
class Layout {
  readonly addresses: [PlanField, number][] = [];
  bytes = 4 * PlanField.Count;
  readonly tables: number[] = [];

  /** Adds a table right after the previous one. */
  table(field: PlanField, values: readonly number[]): void {
    this.addresses.push([field, this.bytes]);
    for (const value of values) this.tables.push(value);
    this.bytes += 4 * values.length;
  }

  buffer(field: PlanField, bytes: number): void {
    this.align();
    this.addresses.push([field, this.bytes]);
    this.bytes += bytes;
  }

  /** Offset of the next buffer. */
  align(): number {
    this.bytes = ceilTo(this.bytes, 64);
    return this.bytes;
  }
}

/** Makes the plan of a convolution. */
export function makePlan(g: Gather, kind: PlanKind): Plan {
  const rows = summedRows(g);
  const tiling = tilingOf(g, kind);
  const { paddedC, blockC, sumsPerPixel, tilePixels, tileRows, rowPixels, imageBytes } = tiling;
  const { blocks, chunks, isLong } = sharesOf(g, tiling, kind);
  // A padded image that is held alone serves all of its chunks.
  const groupImages = kind === "both" && chunks > g.images ? 1 : tiling.groupImages;
  const [, padH, padW] = g.paddedSize;
  const header = new Int32Array(PlanField.Count);
  header.set([g.images, ...g.inSize, g.inChannels, paddedC], PlanField.Images);
  header.set([...g.paddedSize, ...g.padBefore, ...g.spread], PlanField.PadD);
  header.set([...g.outSize, g.outChannels, ...g.strides, groupImages, tileRows, tilePixels], PlanField.OutD);
  header.set([rows.sources.length, rowPixels, g.slots.length], PlanField.Rows);
  header.set([chunks, isLong ? FLUSH_TILES : 0], PlanField.Chunks);
  const { groups = 1 } = g;
  const panels = kind === "filter" ? panelsPerVector(g, groups) : Math.ceil(g.outChannels / groups / 8);
  header.set([groups, panels], PlanField.Groups);

  const layout = new Layout();
  layout.table(
    PlanField.RowTable,
    rows.sources.flatMap((parts) => [
      parts.length,
      ...parts.map(([plane, row]) => (plane * padH + row) * padW),
      ...new Array<number>(4 - parts.length).fill(0),
    ]),
  );
  const slotTable = rows.taps.flatMap((taps) => [
    taps.length,
    ...taps.map(({ row, column }) => row * rowPixels + column),
  ]);
  layout.table(PlanField.SlotTable, slotTable);
  layout.table(
    PlanField.SlotWeights,
    g.slots.map(({ matrix }) => matrix),
  );

  const vectors = sumsPerPixel / 4;
  const tile = ceilTo(tilePixels * tileRows, 4);
  const isGradient = kind !== "forward" && kind !== "depthwise";
  const weightBytes = g.slots.length * paddedC * (kind === "depthwiseFilter" ? 4 : 32 * panels);
  // A group's weights are packed without its padding.
  const packedVectors = groups === 1 ? vectors : (g.slots.length * g.inChannels) / 4;
  if (isForward(kind)) layout.buffer(PlanField.Packed, packedVectors * panels * 128);
  if (isGradient) layout.buffer(PlanField.Accumulators, weightBytes * chunks * (isLong ? 2 : 1));
  const threadStart = layout.align();
  layout.buffer(PlanField.ScaledTable, 4 * slotTable.length);
  layout.buffer(PlanField.RowSums, tileRows * rows.sources.length * rowPixels * 64);
  layout.buffer(PlanField.Sums, tile * vectors * 16);
  if (kind === "filter") layout.buffer(PlanField.Packed, tile * panels * 32);
  if (kind === "both") layout.buffer(PlanField.PackedPixels, tile * (panels * 32 + 16));
  if (kind === "depthwise") layout.buffer(PlanField.Packed, vectors * 16);
  if (kind === "depthwiseFilter") layout.buffer(PlanField.Packed, tile * blockC * 4);
  // The last tile of a row may read up to one row too far: keep that inside the buffer.
  layout.buffer(PlanField.Padded, groupImages * imageBytes + rowPixels * 64);

  const outRows = g.images * g.outSize[0] * g.outSize[1];
  const units = { forward: outRows, both: chunks, depthwise: blocks * outRows, filter: blocks * chunks };
  const isDepthwise = kind === "depthwise" || kind === "depthwiseFilter";
  // Where each channel is by itself, adding up the taps is most of the work.
  const perChannel = isDepthwise ? slotTable.length : (g.slots.length * g.outChannels) / groups;
  return {
    header,
    tables: Int32Array.from(layout.tables),
    addresses: layout.addresses,
    totalBytes: layout.bytes,
    threadStart,
    units: units[kind === "depthwiseFilter" ? "filter" : kind],
    panels: groups === 1 ? panels : groups,
    finishUnits: kind === "both" ? vectors : blocks,
    multiplyAdds: g.images * volume(g.outSize) * paddedC * perChannel,
    hasDeadMatrices: g.slots.length < g.matrices,
  };
}
