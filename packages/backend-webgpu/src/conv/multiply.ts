// The matrix product of sums [P, K] with packed weights [K, N], each thread a tile of the result in registers: threads
// that work alone, subgroups that share what they load, and workgroups that share tiles.

import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { run, type Shader, shaderOf, type Width } from "../program.ts";
import { fours } from "./pad.ts";
import { LOAD_SUM, SUM_ELEMENT, type SumFormat } from "./sums.ts";
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
function directShader(width: Width, format: SumFormat): Shader {
  const each = (line: (r: number, c: number) => string): string =>
    list(ROWS, (r) => list(COLUMNS, (c) => line(r, c)));
  return shaderOf(`multiply-${width}-${format}`, () => ({
    inputs: { sums: SUM_ELEMENT[format], weights: 4 },
    output: width,
    uniforms: ["total", "rows", "depth", "fours", "channels", "first"],
    code: `
      ${LOAD_SUM[format]}
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
          ${list(ROWS, (r) => `let s${r} = loadSum(a${r} + k);`)}
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

function tiledShader(side: 32 | 64, width: Width, format: SumFormat): Shader {
  const { rows, perThread, fours: columns } = tileOf(side);
  const across = side / 4;
  return shaderOf(`multiply-tiled-${side}-${width}-${format}`, () => ({
    inputs: { sums: SUM_ELEMENT[format], weights: 4 },
    output: width,
    uniforms: ["rows", "depth", "fours", "channels", "first"],
    workgroup: THREADS,
    code: `
      ${productTiles(side)}
      ${LOAD_SUM[format]}
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
            left[i / ${STEP} * ${PITCH} + k] = loadSum(at);
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
 * A subgroup makes ROWS rows for each of its `lanes / across` rows of lanes, and COLUMNS fours for each of `across` lanes
 * beside each other. The lanes of a row load as many fours of its sums, and read each other's. The stock backend offers a
 * shader no built-in values of subgroups: a lane's number is that of the lanes before it, all of which must be at work,
 * so none ends early.
 */
function subgroupShader(width: Width, format: SumFormat): Shader {
  const each = (line: (r: number, c: number) => string): string =>
    list(ROWS, (r) => list(COLUMNS, (c) => line(r, c)));
  return shaderOf(`multiply-subgroups-${width}-${format}`, () => ({
    inputs: { sums: SUM_ELEMENT[format], weights: 4 },
    output: width,
    uniforms: ["rows", "depth", "fours", "channels", "first", "wanted"],
    workgroup: THREADS,
    enable: ["subgroups"],
    code: `
      ${LOAD_SUM[format]}
      // All lanes of a subgroup go through the same steps; the compiler cannot know that their number is the same for all.
      @diagnostic(off, subgroup_uniformity)
      fn main(index : i32) {
        let fours = uniforms.fours;
        let depth = uniforms.depth;
        let lanes = i32(subgroupAdd(1u));
        let lane = i32(subgroupExclusiveAdd(1u));
        let across = min(uniforms.wanted, lanes);
        let tiles = (fours + across * ${COLUMNS} - 1) / (across * ${COLUMNS});
        let tile = index / lanes;
        let column = tile % tiles * across * ${COLUMNS} + lane % across;
        let row = (tile / tiles * (lanes / across) + lane / across) * ${ROWS};
        let before = u32(lane - lane % across);
        ${list(ROWS, (r) => `let a${r} = min(row + ${r}, uniforms.rows - 1) * depth;`)}
        ${list(COLUMNS, (c) => `let b${c} = min(column + ${c} * across, fours - 1);`)}
        ${each((r, c) => `var y${r}_${c} = vec4<f32>(0.0);`)}
        for (var begin = 0; begin < depth; begin += across) {
          let own = min(begin + lane % across, depth - 1);
          ${list(ROWS, (r) => `let own${r} = loadSum(a${r} + own);`)}
          let count = min(across, depth - begin);
          for (var k = 0; k < count; k++) {
            let from_lane = before + u32(k);
            ${list(ROWS, (r) => `let s${r} = subgroupShuffle(own${r}, from_lane);`)}
            let at = 4 * (begin + k) * fours;
            ${list(4, (i) =>
              list(
                COLUMNS,
                (c) => `{ let w = weights[at + ${i} * fours + b${c}];
                ${list(ROWS, (r) => `y${r}_${c} += s${r}[${i}] * w;`)} }`,
              ),
            )}
          }
        }
        ${each(
          (r, c) => `if (row + ${r} < uniforms.rows && column + ${c} * across < fours) {
          ${storeFour(width, `uniforms.first + row + ${r}`, `column + ${c} * across`, `y${r}_${c}`)}
        }`,
        )}
      }`,
  }));
}

/** Subgroups may have any of these numbers of lanes, here at most as many as a workgroup. */
const LANES = [4, 8, 16, 32, 64];

/** Threads of the tiles of {@link subgroupShader} if subgroups have so many lanes. */
function subgroupThreads(rows: number, columns: number, wanted: number, lanes: number): number {
  const across = Math.min(wanted, lanes);
  const tiles = Math.ceil(columns / (across * COLUMNS)) * Math.ceil(rows / ((lanes / across) * ROWS));
  return lanes * tiles;
}

/** Threads that work alone, subgroups, or workgroups that share tiles of so many rows and columns. */
export type Product = "direct" | "subgroups" | 32 | 64;

/**
 * Rows `first` to `first + rows - 1` of y [P, outChannels].
 * @param depth of the product, in fours
 */
export function multiply(
  backend: WebGPUBackend,
  sums: tf.TensorInfo,
  weights: tf.TensorInfo,
  y: tf.TensorInfo,
  size: { first: number; rows: number; depth: number; outChannels: number },
  product: Product,
  format: SumFormat,
): void {
  const { first, rows, depth, outChannels } = size;
  const columns = fours(outChannels);
  const width = outChannels % 4 === 0 ? 4 : 1;
  const uniforms = { rows, depth, fours: columns, channels: outChannels, first };
  if (typeof product === "number") {
    const threads = THREADS * Math.ceil(rows / product) * Math.ceil(outChannels / product);
    run(backend, tiledShader(product, width, format), [sums, weights], uniforms, threads, y);
  } else if (product === "subgroups") {
    // Lanes beside each other: a power of two, like the number of lanes.
    const wanted = 2 ** Math.ceil(Math.log2(Math.ceil(columns / COLUMNS)));
    const shader = subgroupShader(width, format);
    const threads = Math.max(...LANES.map((lanes) => subgroupThreads(rows, columns, wanted, lanes)));
    run(backend, shader, [sums, weights], { ...uniforms, wanted }, threads, y);
  } else {
    const total = Math.ceil(rows / ROWS) * Math.ceil(columns / COLUMNS);
    run(backend, directShader(width, format), [sums, weights], { ...uniforms, total }, total, y);
  }
}
