// What the shaders have in common whose workgroups share tiles: 8 × 8 threads, of which each makes 4n rows × n fours of
// columns of the result in registers (n = 1 or 2). A workgroup's threads are interleaved, so that those that run together
// read neighbouring numbers.

/** Threads of a workgroup, and along each side of its tile. */
export const THREADS = 64;
export const SIDE = 8;

/** Depth of the tiles in workgroup memory, in fours. */
export const STEP = 4;

/** Fours between the rows of `left`: one more than needed keeps rows in different memory banks. */
export const PITCH = STEP + 1;

export const list = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");

/** Sizes of the tile of 32 or 64 rows and columns. */
export function tileOf(side: 32 | 64): { rows: number; perThread: number; fours: number } {
  const fours = side / 4 / SIDE;
  return { rows: side, perThread: side / SIDE, fours };
}

/** The numbers of a thread: `y<row>_<four>`. */
export const accumulators = (side: 32 | 64): string => {
  const { perThread, fours } = tileOf(side);
  return list(perThread, (r) => list(fours, (c) => `var y${r}_${c} = vec4<f32>(0.0);`));
};

/** Bytes of workgroup memory of {@link productTiles}. */
export const tileBytes = (side: 32 | 64): number => 16 * (side * PITCH + STEP * side);

/** `left` holds `STEP` fours of each row, `right` as many columns as rows for each number of those. */
export const productTiles = (side: 32 | 64): string => `
  var<workgroup> left : array<vec4<f32>, ${side * PITCH}>;
  var<workgroup> right : array<vec4<f32>, ${STEP * side}>;`;

/** Adds the product of the first `count` fours of the tiles. */
export const addProduct = (side: 32 | 64): string => {
  const { perThread, fours } = tileOf(side);
  return `
    for (var k = 0; k < count; k++) {
      ${list(perThread, (r) => `let s${r} = left[(threadRow + ${SIDE * r}) * ${PITCH} + k];`)}
      ${list(4, (i) =>
        list(
          fours,
          (c) => `{ let w = right[(4 * k + ${i}) * ${side / 4} + threadColumn + ${SIDE * c}];
          ${list(perThread, (r) => `y${r}_${c} += s${r}[${i}] * w;`)} }`,
        ),
      )}
    }`;
};

/** Which thread of which workgroup this is. */
export const THREAD = `
      let group = index / ${THREADS};
      let thread = index % ${THREADS};
      let threadRow = thread / ${SIDE};
      let threadColumn = thread % ${SIDE};`;
