// Ring sums: S_l(x) = Σ x at the positions of ring l.
//
// Each ring is a separate depthwise convolution with a constant 0/1 filter, cropped to the ring's bounding box: for k =
// 9 that is 1 + 9 + 25 + 49 + 81 taps instead of 5 · 81, and a filter with one output per channel runs on the fast
// paths of oneDNN and cuDNN. A ring of one position is x itself. In three dimensions, planes at the same distance
// before and behind the centre hold the same positions and are added first.
//
// A call of a depthwise convolution takes a tenth of a millisecond before it starts to compute. So on the CPU, where maps
// are small, the sums of all rings are one matrix product instead: see `smallMaps.ts`.

import { product } from "@gmr-conv/core";
import { type ConvShape, matrixIndex } from "@gmr-conv/tfjs";
import type { Native, NativeOps } from "../nativeOps.ts";
import type { NativeState, RingSums } from "../state.ts";
import { ringMask } from "./masks.ts";
import { isSmallMap, sumsOfSmallMap } from "./smallMaps.ts";
import { spreadOut } from "./spreadOut.ts";
import { crop, pad, type Window, windowOf } from "./windows.ts";

/**
 * S_l(x) of x [N, ...in, C].
 * @returns undefined if no ring reads any of it
 */
export function ringSums(
  ops: NativeOps,
  x: Native,
  convolution: ConvShape,
  state: NativeState,
): RingSums | undefined {
  if (isSmallMap(convolution) && !state.backend.isUsingGpuDevice) {
    return sumsOfSmallMap(ops, x, convolution, state);
  }
  const { source, shape } = spread(ops, x, convolution);
  const index = matrixIndex(shape);
  const planes = planePairs(ops, source, shape);
  const rings: number[] = [];
  const sums: Native[] = [];
  for (let ring = 0; ring < shape.matrices; ring++) {
    const parts = planes.flatMap(
      ({ image, plane }) => planeSum(ops, image, boxOf(index, plane, ring, shape), shape, state) ?? [],
    );
    if (parts.length === 0) continue;
    rings.push(ring);
    sums.push(ops.sum(parts));
  }
  if (rings.length === 0) return undefined;
  const joined = ops.concat(sums, 3);
  if (joined !== source) for (const sum of sums) if (sum !== joined) ops.free(sum);
  const columns = joined.shape[3];
  const positions = product(joined.shape.slice(0, 3));
  const rows = ops.reshape(joined, [positions, columns]);
  // The rows are another handle of the same memory.
  if (rows !== joined) ops.free(joined);
  return { rings, sums: rows };
}

/** The image of a convolution, with its pixels spread out if needed. */
function spread(ops: NativeOps, x: Native, shape: ConvShape): { source: Native; shape: ConvShape } {
  if (shape.spread.every((step) => step === 1)) return { source: x, shape };
  const volume = ops.reshape(x, [shape.images, ...shape.inSize, shape.inChannels]);
  const source = spreadOut(ops, volume, shape.spread);
  const [, depth, height, width] = source.shape;
  return { source, shape: { ...shape, inSize: [depth, height, width], spread: [1, 1, 1] } };
}

interface PlanePair {
  /** [N · D', H, W, C], the sum of what kernel planes `plane` and kernelSize[0] - 1 - `plane` read. */
  image: Native;
  plane: number;
}

function planePairs(
  ops: NativeOps,
  x: Native,
  {
    kernelSize,
    strides,
    dilations,
    padBefore,
    inSize,
    outSize,
    images: batch,
    inChannels: channels,
  }: ConvShape,
): PlanePair[] {
  const [depth] = kernelSize;
  const [outDepth] = outSize;
  const [inDepth, ...area] = inSize;
  const images = [batch * outDepth, ...area, channels];
  // In one or two dimensions there is a single plane, x itself.
  if (depth === 1 && outDepth === inDepth && strides[0] === 1 && padBefore[0] === 0) {
    return [{ plane: 0, image: ops.reshape(x, images) }];
  }
  const volume = ops.reshape(x, [batch, inDepth, ...area, channels]);
  const read = (plane: number): Native | undefined => {
    const start = plane * dilations[0] - padBefore[0];
    const window = windowOf(start, (outDepth - 1) * strides[0] + 1, inDepth);
    if (!window) return undefined;
    const windows = [undefined, window];
    const rows = ops.subsample(pad(ops, crop(ops, volume, windows), windows), [1, strides[0], 1, 1, 1]);
    return ops.reshape(rows, images);
  };
  const pairs: PlanePair[] = [];
  for (let plane = 0; plane <= (depth - 1) / 2; plane++) {
    const other = depth - 1 - plane;
    const parts = (plane === other ? [plane] : [plane, other]).flatMap((i) => read(i) ?? []);
    if (parts.length > 0) pairs.push({ plane, image: ops.sum(parts) });
  }
  return pairs;
}

/** The sum over a ring's positions in one plane of the kernel; undefined if it is 0. */
function planeSum(
  ops: NativeOps,
  image: Native,
  box: Box | undefined,
  { strides, dilations, padBefore, inSize, outSize }: ConvShape,
  state: NativeState,
): Native | undefined {
  if (!box) return undefined;
  const [dh, dw] = dilations.slice(1);
  const [sh, sw] = strides.slice(1);
  const extent = [(box.height - 1) * dh + 1, (box.width - 1) * dw + 1];
  const windows = [box.top * dh, box.left * dw].map((offset, i) => {
    const axis = (i + 1) as 1 | 2;
    const length = (outSize[axis] - 1) * strides[axis] + extent[i];
    return windowOf(offset - padBefore[axis], length, inSize[axis]);
  });
  const [vertical, horizontal] = windows;
  if (!vertical || !horizontal) return undefined;
  const read: (Window | undefined)[] = [undefined, vertical, horizontal];
  const part = crop(ops, image, read);
  if (extent[0] === 1 && extent[1] === 1) return ops.subsample(pad(ops, part, read), [1, sh, sw, 1]);
  // The gaps of a dilated kernel are zeros in the filter.
  const positions = box.positions.map(([i, j]) => i * dh * extent[1] + j * dw);
  const mask = ringMask(state, extent[0], extent[1], positions, image.shape[3]);
  const padding = [
    [vertical.before, vertical.after],
    [horizontal.before, horizontal.after],
  ] as const;
  if (sh === sw) return ops.depthwise(part, mask, { strides: [sh, sw], padding });
  return ops.subsample(ops.depthwise(part, mask, { strides: [1, 1], padding }), [1, sh, sw, 1]);
}

interface Box {
  top: number;
  left: number;
  height: number;
  width: number;
  /** Row and column relative to the box's corner. */
  positions: [number, number][];
}

/** The bounding box of a ring's positions in one plane of the kernel. */
function boxOf(
  index: readonly number[],
  plane: number,
  ring: number,
  { kernelSize: [, rows, columns] }: ConvShape,
): Box | undefined {
  const first = plane * rows * columns;
  const positions = index
    .slice(first, first + rows * columns)
    .flatMap((of, i): [number, number][] => (of === ring ? [[Math.floor(i / columns), i % columns]] : []));
  if (positions.length === 0) return undefined;
  const [is, js] = [positions.map(([i]) => i), positions.map(([, j]) => j)];
  const [top, left] = [Math.min(...is), Math.min(...js)];
  return {
    top,
    left,
    height: Math.max(...is) - top + 1,
    width: Math.max(...js) - left + 1,
    positions: positions.map(([i, j]) => [i - top, j - left]),
  };
}
