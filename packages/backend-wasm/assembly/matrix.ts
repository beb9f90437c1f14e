// C[row, column] = sum over the depth of A[row, d] * B[d, column]: convolutions of one position, and their gradients.
//
// Both factors are packed, block by block, as the inner kernel reads them: A in groups of four rows, B in panels of
// eight columns. A panel of a block stays in the first-level cache while the groups pass, the groups of a block in the
// second-level one while the panels do. Every element is summed over the depth in order, in blocks that depend on
// nothing else, so the result is bit-identical however rows and columns are shared.
import { MatrixBlock } from "../src/layouts";
import { min } from "./common";
import { packAcross, packAlong } from "./pack";
import { finish, multiply } from "./product";

/**
 * C = f(A · B + bias). A is stored [rows][depth] or, if `aDeep`, [depth][rows], B [columns][depth] or, if `bDeep`,
 * [depth][columns]; strides are in bytes. `bias`: 0 for none, else one number per column.
 * @param scratch for the packed blocks, see `matrixScratch` in src/conv/pointwise.ts
 */
export function matrixProduct(
  a: usize,
  aStride: usize,
  aDeep: i32,
  b: usize,
  bStride: usize,
  bDeep: i32,
  c: usize,
  cStride: usize,
  rows: i32,
  columns: i32,
  depth: i32,
  scratch: usize,
  bias: usize,
  activation: i32,
  slope: f32,
): void {
  const packedA =
    scratch + (<usize>(((min(columns, MatrixBlock.Columns) + 7) & ~7) * min(depth, MatrixBlock.Depth)) << 2);
  for (let n = 0; n < columns; n += MatrixBlock.Columns) {
    const across = min(MatrixBlock.Columns, columns - n);
    const columnBytes = <usize>n << 2;
    for (let k = 0; k < depth; k += MatrixBlock.Depth) {
      const deep = min(MatrixBlock.Depth, depth - k);
      const depthBytes = <usize>k << 2;
      const panelBytes = <usize>deep << 5;
      if (bDeep) packAlong(b + <usize>k * bStride + columnBytes, bStride, across, deep, scratch, 8, panelBytes);
      else packAcross(b + <usize>n * bStride + depthBytes, bStride, across, deep, scratch, 8, panelBytes);
      for (let m = 0; m < rows; m += MatrixBlock.Rows) {
        const down = min(MatrixBlock.Rows, rows - m);
        const groupBytes = <usize>deep << 4;
        if (aDeep) packAlong(a + <usize>k * aStride + (<usize>m << 2), aStride, down, deep, packedA, 4, groupBytes);
        else packAcross(a + <usize>m * aStride + depthBytes, aStride, down, deep, packedA, 4, groupBytes);
        const to = c + <usize>m * cStride + columnBytes;
        multiply(packedA, groupBytes, scratch, deep, to, cStride, down, across, k > 0);
        if (k + deep == depth) {
          finish(to, cStride, down, across, bias ? bias + columnBytes : 0, activation, slope);
        }
      }
    }
  }
}
