// The rows that kernels on a processor add up first: a ring is symmetric, so those at the same distances from the
// centre occur together.

import type { Size3 } from "./convShape.ts";
import type { Gather } from "./gather.ts";

/** What a tap reads: a sum of rows, at a column of the kernel, with its dilation. */
export interface RowTap {
  row: number;
  column: number;
}

export interface SummedRows {
  /** The [plane, row] of the padded image that each sum of up to four rows adds, for the first output pixel. */
  sources: (readonly [plane: number, row: number])[][];
  /** For each slot. */
  taps: RowTap[][];
}

/** The sums of rows of a convolution, and the taps in terms of them. */
export function summedRows({ kernelSize, dilations, slots, ringIndex }: Gather): SummedRows {
  const isSymmetric = ringIndex !== undefined && isMirrored(ringIndex, kernelSize);
  /** Kernel indices at the same distance from the centre get the same name. */
  const name = (axis: 0 | 1, k: number): number => (isSymmetric ? Math.min(k, kernelSize[axis] - 1 - k) : k);
  const keyOf = ([z, y]: Size3): number => name(0, z) * kernelSize[1] + name(1, y);
  const parts = new Map<number, Set<number>>();
  for (const tap of slots.flatMap(({ taps }) => taps)) {
    const [z, y] = tap;
    const position = z * kernelSize[1] + y;
    const known = parts.get(keyOf(tap));
    if (known) known.add(position);
    else parts.set(keyOf(tap), new Set([position]));
  }
  const rows = [...parts].sort(([a], [b]) => a - b);
  const rowOf = new Map(rows.map(([key], row) => [key, row]));
  return {
    sources: rows.map(([, positions]) =>
      [...positions]
        .sort((a, b) => a - b)
        .map(
          (position) =>
            [
              Math.floor(position / kernelSize[1]) * dilations[0],
              (position % kernelSize[1]) * dilations[1],
            ] as const,
        ),
    ),
    taps: slots.map(({ taps }) => {
      const found = new Map<string, RowTap>();
      for (const tap of taps) {
        const row = rowOf.get(keyOf(tap)) ?? 0;
        found.set(`${row}/${tap[2]}`, { row, column: tap[2] * dilations[2] });
      }
      return [...found.values()].sort((a, b) => a.row - b.row || a.column - b.column);
    }),
  };
}

/** Whether positions mirrored about the centre share their matrix, in every axis. */
function isMirrored(index: readonly number[], [depth, height, width]: Size3): boolean {
  return index.every((matrix, position) => {
    const x = position % width;
    const y = Math.floor(position / width) % height;
    const z = Math.floor(position / width / height);
    const at = (a: number, b: number, c: number): number => index[(a * height + b) * width + c];
    return (
      matrix === at(depth - 1 - z, y, x) &&
      matrix === at(z, height - 1 - y, x) &&
      matrix === at(z, y, width - 1 - x)
    );
  });
}
