// The layouts of what TypeScript passes to `assembly/` in the WebAssembly heap: plans, which are arrays of 32-bit
// integers, and scratch memory.

/**
 * Fields of a convolution plan: shapes, and the addresses of tables and buffers. Written by `conv/plan.ts`. All shapes
 * are [depth, height, width]; a 2-D convolution has depth 1.
 */
export enum PlanField {
  /** Source image: images, depth, height, width, channels. */
  Images,
  InD,
  InH,
  InW,
  InC,
  /** Channels rounded up to a multiple of 4; the sums and the packed weights use this count. */
  PaddedC,
  /** Zero-padded image. */
  PadD,
  PadH,
  PadW,
  /** Position of source pixel 0 in it (may be negative: cropped). */
  OffD,
  OffH,
  OffW,
  /** Distance between source pixels in it (1, or the stride when the input gradient spreads out dy). */
  StepD,
  StepH,
  StepW,
  /** Output image and strides. */
  OutD,
  OutH,
  OutW,
  OutC,
  StrideD,
  StrideH,
  StrideW,
  /** Images whose padded copies are held at a time. */
  GroupImages,
  /** Tile: output rows, and pixels of a row (less than OutW only if TileRows is 1). */
  TileRows,
  TilePixels,
  /** Rows that the taps read, each the sum of 1, 2 or 4 rows of the padded image, and their width in pixels. */
  Rows,
  RowPixels,
  /** Slots: rings (or single taps, for a dense convolution) that have at least one tap inside the image. */
  Slots,
  /** Table: for each row [count, offset…] (5 integers, in pixels of the padded image). */
  RowTable,
  /** Table: for each slot [taps, offset…], offsets in pixels of the summed rows. */
  SlotTable,
  /** Scratch: the slot table scaled to bytes, the padded images, the summed rows of a tile, its ring sums. */
  ScaledTable,
  Padded,
  RowSums,
  Sums,
  /**
   * Scratch: packed weights (forward; depthwise, of one channel block), or packed dy and the packed weight gradient
   * (filter gradients).
   */
  Packed,
  Accumulators,
  /** Gradients of weights: chunks of the output rows, each with its own accumulators. */
  Chunks,
  /** Tiles after which a chunk's sums are added to its totals, stored after all sums; 0: no totals. */
  FlushTiles,
  /** Table: for each slot, the index of its weight matrix. */
  SlotWeights,
  /** Groups of channels that are convolved by themselves. */
  Groups,
  /** Gradients of weights: panels of eight columns that meet four input channels. */
  Panels,
  /** Scratch: packed x (both gradients). */
  PackedPixels,
  Count,
}

/** Fields of a normalisation: 32-bit integers, but for two float32. Written by `kernels/batchNorm.ts`. */
export enum NormPlan {
  /** Images with statistics of their own, their rows, and the channels of a row. */
  Images,
  Rows,
  Channels,
  /** Floats of a period: the channels of as many rows as fill vectors. */
  Width,
  /** Whole periods of an image, and the floats after them. */
  Periods,
  Tail,
  /** Periods of a unit, but for the last one of an image, and units of an image. */
  UnitPeriods,
  Units,
  /** Float32. */
  Epsilon,
  Slope,
  /** Tensors; Y is y or dx. */
  X,
  Dy,
  Gamma,
  Beta,
  Mean,
  Variance,
  Y,
  DGamma,
  DBeta,
  /** Scratch: two float64 for each lane of all units, and five float32 for each lane of all images. */
  Partials,
  Constants,
  Count,
}

/** Sizes of the blocks of a matrix product, in floats. */
export enum MatrixBlock {
  Rows = 64,
  Depth = 256,
  Columns = 512,
}

/** What is applied to the result of a matrix product. */
export enum Activation {
  None,
  Relu,
  Relu6,
  LeakyRelu,
}
