// The matrix product on software adapters, which run the threads of a workgroup in turn at every barrier: the stock
// kernels, which build tiles in workgroup memory, take hundreds of times as long there as a kernel without.

import { product } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import { webGpu } from "../attach.ts";
import type { Gpu } from "../gpu.ts";
import { list, type Shader } from "../shader.ts";

const TILE = 4;

/** y [batch, rows, columns] = a · b, both given by the strides of their axes. */
const MAT_MUL: Shader = {
  name: "mat-mul",
  inputs: { a: 1, b: 1 },
  output: 1,
  uniforms: [
    ...["total", "rows", "columns", "depth"],
    ...["aBatch", "aRow", "aDepth", "bBatch", "bDepth", "bColumn"],
  ],
  code: `
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let columns = uniforms.columns;
      let rows = uniforms.rows;
      let columnTiles = (columns + ${TILE - 1}) / ${TILE};
      let rowTiles = (rows + ${TILE - 1}) / ${TILE};
      let column = index % columnTiles * ${TILE};
      let row = index / columnTiles % rowTiles * ${TILE};
      let batch = index / columnTiles / rowTiles;
      ${list(TILE, (i) => `let a${i} = batch * uniforms.aBatch + min(row + ${i}, rows - 1) * uniforms.aRow;`)}
      ${list(TILE, (i) => `let b${i} = batch * uniforms.bBatch + min(column + ${i}, columns - 1) * uniforms.bColumn;`)}
      ${list(TILE, (i) => `var y${i} = vec4<f32>(0.0);`)}
      for (var k = 0; k < uniforms.depth; k++) {
        let q = k * uniforms.bDepth;
        let p = k * uniforms.aDepth;
        let right = vec4<f32>(b[b0 + q], b[b1 + q], b[b2 + q], b[b3 + q]);
        ${list(TILE, (i) => `y${i} += a[a${i} + p] * right;`)}
      }
      ${list(
        TILE,
        (i) => `if (row + ${i} < rows) {
        let at = (batch * rows + row + ${i}) * columns + column;
        for (var c = 0; c < min(${TILE}, columns - column); c++) { result[at + c] = y${i}[c]; }
      }`,
      )}
    }`,
};

interface MatMulAttrs {
  transposeA: boolean;
  transposeB: boolean;
}

type MatMulInputs = Record<"a" | "b", tf.TensorInfo>;

/** Whether the shapes fit, with as many matrices on both sides or one on either: the stock kernel handles the rest. */
function isPlain({ a, b }: MatMulInputs, { transposeA, transposeB }: MatMulAttrs): boolean {
  const isFloat = ({ dtype, shape }: tf.TensorInfo): boolean => dtype === "float32" && product(shape) > 0;
  const depth = a.shape[a.shape.length - (transposeA ? 2 : 1)];
  const same = depth === b.shape[b.shape.length - (transposeB ? 1 : 2)];
  const [left, right] = [a, b].map(({ shape }) => shape.slice(0, -2));
  const batches = left.join() === right.join() || product(left) === 1 || product(right) === 1;
  return isFloat(a) && isFloat(b) && same && batches;
}

function matMul(gpu: Gpu, { a, b }: MatMulInputs, { transposeA, transposeB }: MatMulAttrs): tf.TensorInfo {
  const sizeA = a.shape.slice(-2);
  const [rows, depth] = transposeA ? sizeA.reverse() : sizeA;
  const columns = b.shape.slice(-2)[transposeB ? 0 : 1];
  const batches = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const y = gpu.tensor([...batches, rows, columns]);
  const total = product(batches) * Math.ceil(rows / TILE) * Math.ceil(columns / TILE);
  const uniforms = {
    ...{ total, rows, columns, depth },
    aBatch: product(a.shape.slice(0, -2)) === 1 ? 0 : rows * depth,
    aRow: transposeA ? 1 : depth,
    aDepth: transposeA ? rows : 1,
    bBatch: product(b.shape.slice(0, -2)) === 1 ? 0 : depth * columns,
    bDepth: transposeB ? 1 : columns,
    bColumn: transposeB ? depth : 1,
  };
  gpu.run(MAT_MUL, [a, b], uniforms, total, y);
  return y;
}

export const matMulKernels = [
  webGpu.override<MatMulInputs, MatMulAttrs>(tf.BatchMatMul, (inputs, attrs, gpu, stock) =>
    gpu.adapter.software && isPlain(inputs, attrs) ? matMul(gpu, inputs, attrs) : stock(),
  ),
];
