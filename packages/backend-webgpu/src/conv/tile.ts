// What shaders whose workgroups share tiles have in common: 8 × 8 threads, each of which makes 4n rows × n fours of
// columns of the result in registers (n = 1 or 2). Threads are interleaved, so that those that run together read
// neighbouring numbers.

import { list } from "../shader.ts";

/** Rows and columns of the tile of a workgroup. */
export type TileSide = 32 | 64;

/** Threads per workgroup, and along each side of its tile. */
export const THREADS = 64;
export const SIDE = 8;

/** Depth of the tiles in workgroup memory, in fours. */
export const STEP = 4;

/** Fours between the rows of `left`: one more than needed keeps rows in different memory banks. */
export const PITCH = STEP + 1;

/** Rows of the tile that a thread makes, and fours of its columns. */
export const shareOf = (side: TileSide): { rows: number; columns: number } => ({
  rows: side / SIDE,
  columns: side / 4 / SIDE,
});

/** The results of a thread: `y<row>_<four>`. */
export const accumulators = (side: TileSide): string => {
  const { rows, columns } = shareOf(side);
  return list(rows, (r) => list(columns, (c) => `var y${r}_${c} = vec4<f32>(0.0);`));
};

/** Bytes of workgroup memory of {@link productTiles}. */
export const tileBytes = (side: TileSide): number => 16 * (side * PITCH + STEP * side);

/**
 * `left` holds `STEP` fours of each row; `right` holds, for each number of these, as many columns as there are rows.
 */
export const productTiles = (side: TileSide): string => `
  var<workgroup> left : array<vec4<f32>, ${side * PITCH}>;
  var<workgroup> right : array<vec4<f32>, ${STEP * side}>;`;

/** Adds the product of the first `count` fours of the tiles. */
export const addProduct = (side: TileSide): string => {
  const { rows, columns } = shareOf(side);
  return `
    for (var k = 0; k < count; k++) {
      ${list(rows, (r) => `let s${r} = left[(threadRow + ${SIDE * r}) * ${PITCH} + k];`)}
      ${list(4, (i) =>
        list(
          columns,
          (c) => `{ let w = right[(4 * k + ${i}) * ${side / 4} + threadColumn + ${SIDE * c}];
          ${list(rows, (r) => `y${r}_${c} += s${r}[${i}] * w;`)} }`,
        ),
      )}
    }`;
};

/** WGSL: which thread of which workgroup this is. */
export const THREAD = `
      let group = index / ${THREADS};
      let thread = index % ${THREADS};
      let threadRow = thread / ${SIDE};
      let threadColumn = thread % ${SIDE};`;
