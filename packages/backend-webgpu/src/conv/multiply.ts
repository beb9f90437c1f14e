// The matrix product of sums [P, K] with packed weights [K, N], each thread a tile of the result in registers: threads
// that work alone, and workgroups that share tiles.

import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { run, type Shader, shaderOf, type Width } from "../program.ts";
import { fours } from "./pad.ts";
import {
  accumulators,
  addProduct,
  list,
  PITCH,
  productTiles,
  SIDE,
  STEP,
  THREAD,
  THREADS,
  tileOf,
} from "./tile.ts";

/** Rows and fours of columns of a thread that works alone. */
const ROWS = 8;
const COLUMNS = 2;

/** Writes four columns of a row, of which the last may lie beyond the result's columns. */
export function storeFour(width: Width, row: string, column: string, value: string): string {
  if (width === 4) return `result[(${row}) * uniforms.fours + ${column}] = ${value};`;
  return list(
    4,
    (i) => `if (4 * (${column}) + ${i} < uniforms.channels) {
          result[(${row}) * uniforms.channels + 4 * (${column}) + ${i}] = (${value})[${i}];
        }`,
  );
}

/** Rows and columns of a tile that lie beyond are computed from the last ones, and not written. */
function directShader(width: Width): Shader {
  const each = (line: (r: number, c: number) => string): string =>
    list(ROWS, (r) => list(COLUMNS, (c) => line(r, c)));
  return shaderOf(`multiply-${width}`, () => ({
    inputs: { sums: 4, weights: 4 },
    output: width,
    uniforms: ["total", "rows", "depth", "fours", "channels", "first"],
    code: `
      fn main(index : i32) {
        if (index >= uniforms.total) { return; }
        let fours = uniforms.fours;
        let depth = uniforms.depth;
        let tiles = (fours + ${COLUMNS - 1}) / ${COLUMNS};
        let column = index % tiles * ${COLUMNS};
        let row = index / tiles * ${ROWS};
        ${list(ROWS, (r) => `let a${r} = min(row + ${r}, uniforms.rows - 1) * depth;`)}
        ${list(COLUMNS, (c) => `let b${c} = min(column + ${c}, fours - 1);`)}
        ${each((r, c) => `var y${r}_${c} = vec4<f32>(0.0);`)}
        for (var k = 0; k < depth; k++) {
          ${list(ROWS, (r) => `let s${r} = sums[a${r} + k];`)}
          let at = 4 * k * fours;
          ${list(4, (i) =>
            list(
              COLUMNS,
              (c) => `{ let w = weights[at + ${i} * fours + b${c}];
              ${list(ROWS, (r) => `y${r}_${c} += s${r}[${i}] * w;`)} }`,
            ),
          )}
        }
        ${each(
          (r, c) => `if (row + ${r} < uniforms.rows && column + ${c} < fours) {
          ${storeFour(width, `uniforms.first + row + ${r}`, `column + ${c}`, `y${r}_${c}`)}
        }`,
        )}
      }`,
  }));
}

function tiledShader(side: 32 | 64, width: Width): Shader {
  const { rows, perThread, fours: columns } = tileOf(side);
  const across = side / 4;
  return shaderOf(`multiply-tiled-${side}-${width}`, () => ({
    inputs: { sums: 4, weights: 4 },
    output: width,
    uniforms: ["rows", "depth", "fours", "channels", "first"],
    workgroup: THREADS,
    code: `
      ${productTiles(side)}
      fn main(index : i32) {
        ${THREAD}
        let fours = uniforms.fours;
        let depth = uniforms.depth;
        let across = (fours + ${across - 1}) / ${across};
        let column = group % across * ${across};
        let row = group / across * ${rows};
        ${accumulators(side)}
        for (var begin = 0; begin < depth; begin += ${STEP}) {
          let count = min(${STEP}, depth - begin);
          for (var i = thread; i < ${rows * STEP}; i += ${THREADS}) {
            let k = i % ${STEP};
            let at = min(row + i / ${STEP}, uniforms.rows - 1) * depth + min(begin + k, depth - 1);
            left[i / ${STEP} * ${PITCH} + k] = sums[at];
          }
          for (var i = thread; i < ${4 * across} * count; i += ${THREADS}) {
            right[i] = weights[(4 * begin + i / ${across}) * fours + min(column + i % ${across}, fours - 1)];
          }
          workgroupBarrier();
          ${addProduct(side)}
          workgroupBarrier();
        }
        ${list(perThread, (r) =>
          list(
            columns,
            (
              c,
            ) => `if (row + threadRow + ${SIDE * r} < uniforms.rows && column + threadColumn + ${SIDE * c} < fours) {
          ${storeFour(width, `uniforms.first + row + threadRow + ${SIDE * r}`, `column + threadColumn + ${SIDE * c}`, `y${r}_${c}`)}
        }`,
          ),
        )}
      }`,
  }));
}

/**
 * Rows `first` to `first + rows - 1` of y [P, outChannels].
 * @param depth of the product, in fours
 * @param side of the tiles of workgroups; undefined: threads work alone
 */
export function multiply(
  backend: WebGPUBackend,
  sums: tf.TensorInfo,
  weights: tf.TensorInfo,
  y: tf.TensorInfo,
  size: { first: number; rows: number; depth: number; outChannels: number },
  side: 32 | 64 | undefined,
): void {
  const { first, rows, depth, outChannels } = size;
  const columns = fours(outChannels);
  const width = outChannels % 4 === 0 ? 4 : 1;
  const uniforms = { rows, depth, fours: columns, channels: outChannels, first };
  if (side) {
    const threads = THREADS * Math.ceil(rows / side) * Math.ceil(outChannels / side);
    run(backend, tiledShader(side, width), [sums, weights], uniforms, threads, y);
  } else {
    const total = Math.ceil(rows / ROWS) * Math.ceil(columns / COLUMNS);
    run(backend, directShader(width), [sums, weights], { ...uniforms, total }, total, y);
  }
}
