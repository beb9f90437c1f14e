// Convolutions of one position, which reads each pixel once: matrix products, and so are their gradients.

import { type ConvShape, volume } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import { MatrixBlock } from "../layouts.ts";
import type { WasmState } from "../state.ts";
import { type Epilogue, epilogueArguments, NO_EPILOGUE } from "./epilogue.ts";

/** Whether a convolution multiplies each pixel by one matrix. */
export function isPointwise(shape: ConvShape): boolean {
  const { kernelSize, inSize, outSize, strides, spread, padBefore, matrices, groups = 1 } = shape;
  return (
    matrices * groups === 1 &&
    volume(kernelSize) * volume(strides) * volume(spread) === 1 &&
    padBefore.every((before) => before === 0) &&
    inSize.every((size, axis) => size === outSize[axis]) &&
    (shape.ringIndex?.[0] ?? 0) === 0
  );
}

/** C [rows, columns] = A · B. */
interface MatrixProduct {
  a: tf.TensorInfo;
  b: tf.TensorInfo;
  c: tf.TensorInfo;
  /** Whether A is stored as [depth, rows] instead of [rows, depth], and B as [depth, columns] instead of [columns, depth]. */
  aDeep: boolean;
  bDeep: boolean;
  rows: number;
  columns: number;
  depth: number;
  epilogue?: Epilogue | undefined;
}

const ceilTo = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Bytes of the packed blocks of a product. */
export function matrixScratch(rows: number, columns: number, depth: number): number {
  const lanes =
    ceilTo(Math.min(rows, MatrixBlock.Rows), 4) + ceilTo(Math.min(columns, MatrixBlock.Columns), 8);
  return 4 * lanes * Math.min(depth, MatrixBlock.Depth);
}

function multiply(state: WasmState, matrices: MatrixProduct): tf.TensorInfo {
  const { a, b, c, aDeep, bDeep, rows, columns, depth, epilogue = NO_EPILOGUE } = matrices;
  if (depth === 0) {
    state.clear(c);
    return c;
  }
  const threads = state.threadsFor(rows * columns * depth);
  // Each thread packs all of the smaller factor.
  const byRows = rows >= columns;
  const lanes = byRows ? 4 : 8;
  const bytes = ceilTo(matrixScratch(rows, columns, depth), 64);
  const scratch = state.reserve(threads * bytes);
  const [left, right, to] = state.addresses(a, b, c);
  const aStride = 4 * (aDeep ? rows : depth);
  const bStride = 4 * (bDeep ? columns : depth);
  state.split("matrixProduct", Math.ceil((byRows ? rows : columns) / lanes), threads, (begin, end, t) => {
    const [row, endRow] = byRows ? [begin * lanes, Math.min(rows, end * lanes)] : [0, rows];
    const [column, endColumn] = byRows ? [0, columns] : [begin * lanes, Math.min(columns, end * lanes)];
    return [
      left + row * (aDeep ? 4 : aStride),
      aStride,
      Number(aDeep),
      right + column * (bDeep ? 4 : bStride),
      bStride,
      Number(bDeep),
      to + 4 * (row * columns + column),
      4 * columns,
      endRow - row,
      endColumn - column,
      depth,
      scratch + t * bytes,
      ...epilogueArguments(state, epilogue, column),
    ];
  });
  return c;
}

const pixelsOf = ({ images, inSize }: ConvShape): number => images * volume(inSize);

/** y [pixels, Cout] of x [pixels, Cin] and a matrix [Cin, Cout]. */
export function pointwise(
  state: WasmState,
  shape: ConvShape,
  x: tf.TensorInfo,
  weights: tf.TensorInfo,
  yShape: readonly number[],
  epilogue?: Epilogue,
): tf.TensorInfo {
  const { inChannels: depth, outChannels: columns } = shape;
  const c = state.output(yShape);
  const rows = pixelsOf(shape);
  return multiply(state, { a: x, b: weights, c, aDeep: false, bDeep: true, rows, columns, depth, epilogue });
}

/** dx from dy and the matrix. */
export function pointwiseInputGradient(
  state: WasmState,
  shape: ConvShape,
  dy: tf.TensorInfo,
  weights: tf.TensorInfo,
  dxShape: readonly number[],
): tf.TensorInfo {
  const { inChannels: columns, outChannels: depth } = shape;
  const c = state.output(dxShape);
  return multiply(state, {
    ...{ a: dy, b: weights, c, aDeep: false, bDeep: false },
    ...{ rows: pixelsOf(shape), columns, depth },
  });
}

/** The matrix's gradient from x and dy. */
export function pointwiseFilterGradient(
  state: WasmState,
  shape: ConvShape,
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  dwShape: readonly number[],
): tf.TensorInfo {
  const { inChannels: rows, outChannels: columns } = shape;
  const c = state.output(dwShape);
  return multiply(state, {
    ...{ a: x, b: dy, c, aDeep: true, bDeep: true },
    ...{ rows, columns, depth: pixelsOf(shape) },
  });
}
