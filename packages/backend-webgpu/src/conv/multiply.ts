// The matrix product of sums [P, K] and packed weights [K, N]. Each thread makes a tile of the result in registers:
// threads work alone, subgroups share what they load, or workgroups share tiles.

import type * as tf from "@tensorflow/tfjs";
import type { Gpu } from "../gpu.ts";
import { fours, list, type Shader, type Width } from "../shader.ts";
import { LOAD_SUM, SUM_ELEMENT, type SumFormat } from "./sumFormat.ts";
import {
  accumulators,
  addProduct,
  PITCH,
  productTiles,
  SIDE,
  STEP,
  shareOf,
  THREAD,
  THREADS,
  type TileSide,
} from "./tile.ts";
import type { Product } from "./variants.ts";

/** Rows and fours of columns of a thread that works alone. */
const ROWS = 8;
const COLUMNS = 2;

/** WGSL: writes four columns of a row, the last of which may lie beyond the result's columns. */
export function storeFour(width: Width, row: string, column: string, value: string): string {
  if (width === 4) return `result[(${row}) * uniforms.fours + ${column}] = ${value};`;
  return list(
    4,
    (i) => `if (4 * (${column}) + ${i} < uniforms.channels) {
          result[(${row}) * uniforms.channels + 4 * (${column}) + ${i}] = (${value})[${i}];
        }`,
  );
}

/**
 * The sums of a row are `runs` times those of every group, each `run` fours long: the slots, where there are groups,
 * otherwise a single run. Rows and columns of a tile that lie beyond the result are computed from its last ones, and not
 * written.
 */
function directShader(width: Width, format: SumFormat): Shader {
  const each = (line: (r: number, c: number) => string): string =>
    list(ROWS, (r) => list(COLUMNS, (c) => line(r, c)));
  return {
    name: `multiply-${width}-${format}`,
    inputs: { sums: SUM_ELEMENT[format], weights: 4 },
    output: width,
    uniforms: ["total", "rows", "runs", "run", "groups", "fours", "channels", "first"],
    get code() {
      return `
      ${LOAD_SUM[format]}
      fn main(index : i32) {
        if (index >= uniforms.total) { return; }
        let fours = uniforms.fours;
        let tiles = (fours + ${COLUMNS - 1}) / ${COLUMNS};
        let column = index % tiles * ${COLUMNS};
        let group = index / tiles % uniforms.groups;
        let row = index / tiles / uniforms.groups * ${ROWS};
        let run = uniforms.run;
        let pitch = run * uniforms.groups;
        var at = 4 * group * uniforms.runs * run * fours;
        ${list(ROWS, (r) => `let a${r} = min(row + ${r}, uniforms.rows - 1) * uniforms.runs * pitch + group * run;`)}
        ${list(COLUMNS, (c) => `let b${c} = min(column + ${c}, fours - 1);`)}
        ${each((r, c) => `var y${r}_${c} = vec4<f32>(0.0);`)}
        for (var begin = 0; begin < uniforms.runs * pitch; begin += pitch) {
          for (var k = begin; k < begin + run; k++) {
            ${list(ROWS, (r) => `let s${r} = loadSum(a${r} + k);`)}
            ${list(4, (i) =>
              list(
                COLUMNS,
                (c) => `{ let w = weights[at + ${i} * fours + b${c}];
                ${list(ROWS, (r) => `y${r}_${c} += s${r}[${i}] * w;`)} }`,
              ),
            )}
            at += 4 * fours;
          }
        }
        ${each(
          (r, c) => `if (row + ${r} < uniforms.rows && column + ${c} < fours) {
          ${storeFour(width, `(uniforms.first + row + ${r}) * uniforms.groups + group`, `column + ${c}`, `y${r}_${c}`)}
        }`,
        )}
      }`;
    },
  };
}

function tiledShader(side: TileSide, width: Width, format: SumFormat): Shader {
  const { rows, columns } = shareOf(side);
  const across = side / 4;
  return {
    name: `multiply-tiled-${side}-${width}-${format}`,
    inputs: { sums: SUM_ELEMENT[format], weights: 4 },
    output: width,
    uniforms: ["rows", "depth", "fours", "channels", "first"],
    workgroup: THREADS,
    get code() {
      return `
      ${productTiles(side)}
      ${LOAD_SUM[format]}
      fn main(index : i32) {
        ${THREAD}
        let fours = uniforms.fours;
        let depth = uniforms.depth;
        let across = (fours + ${across - 1}) / ${across};
        let column = group % across * ${across};
        let row = group / across * ${side};
        ${accumulators(side)}
        for (var begin = 0; begin < depth; begin += ${STEP}) {
          let count = min(${STEP}, depth - begin);
          for (var i = thread; i < ${side * STEP}; i += ${THREADS}) {
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
        ${list(rows, (r) =>
          list(columns, (c) => {
            const [ownRow, ownColumn] = [
              `row + threadRow + ${SIDE * r}`,
              `column + threadColumn + ${SIDE * c}`,
            ];
            return `if (${ownRow} < uniforms.rows && ${ownColumn} < fours) {
          ${storeFour(width, `uniforms.first + ${ownRow}`, ownColumn, `y${r}_${c}`)}
        }`;
          }),
        )}
      }`;
    },
  };
}

/**
 * The lanes of a subgroup lie in `lanes / across` rows of `across` lanes; each lane makes ROWS rows × COLUMNS fours.
 * The lanes of a row load one four of its sums each, and read each other's. Since the stock backend gives shaders no
 * access to the built-in values of subgroups, a lane gets its number by counting the active lanes before it: so none
 * may end early.
 */
function subgroupShader(width: Width, format: SumFormat): Shader {
  const each = (line: (r: number, c: number) => string): string =>
    list(ROWS, (r) => list(COLUMNS, (c) => line(r, c)));
  return {
    name: `multiply-subgroups-${width}-${format}`,
    inputs: { sums: SUM_ELEMENT[format], weights: 4 },
    output: width,
    uniforms: ["rows", "depth", "fours", "channels", "first", "wanted"],
    workgroup: THREADS,
    enable: ["subgroups"],
    get code() {
      return `
      ${LOAD_SUM[format]}
      // All lanes of a subgroup take the same number of steps, which the compiler cannot know.
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
      }`;
    },
  };
}

/** Lanes that subgroups may have, up to a whole workgroup. */
const LANES = [4, 8, 16, 32, 64];

/** Threads that {@link subgroupShader} needs if subgroups have so many lanes. */
function subgroupThreads(rows: number, columns: number, wanted: number, lanes: number): number {
  const across = Math.min(wanted, lanes);
  const tiles = Math.ceil(columns / (across * COLUMNS)) * Math.ceil(rows / ((lanes / across) * ROWS));
  return lanes * tiles;
}

/** The product of some rows: its depth in fours and its columns, those of one of its groups (direct products only). */
export interface ProductSize {
  first: number;
  rows: number;
  depth: number;
  outChannels: number;
  groups: number;
  slots: number;
}

/** Rows `first` to `first + rows - 1` of y [P, groups · outChannels]. */
export function multiply(
  gpu: Gpu,
  product: Product,
  sums: tf.TensorInfo,
  weights: tf.TensorInfo,
  y: tf.TensorInfo,
  { first, rows, depth, outChannels, groups, slots }: ProductSize,
): void {
  const columns = fours(outChannels);
  const width = outChannels % 4 === 0 ? 4 : 1;
  const format = gpu.sumFormat;
  const uniforms = { rows, depth, fours: columns, channels: outChannels, first };
  if (product === "direct") {
    const total = groups * Math.ceil(rows / ROWS) * Math.ceil(columns / COLUMNS);
    const runs = groups === 1 ? 1 : slots;
    const cut = { ...uniforms, total, groups, runs, run: depth / runs };
    gpu.run(directShader(width, format), [sums, weights], cut, total, y);
  } else if (product === "subgroups") {
    // Lanes beside each other: a power of two, like the number of lanes.
    const wanted = 2 ** Math.ceil(Math.log2(Math.ceil(columns / COLUMNS)));
    const threads = Math.max(...LANES.map((lanes) => subgroupThreads(rows, columns, wanted, lanes)));
    gpu.run(subgroupShader(width, format), [sums, weights], { ...uniforms, wanted }, threads, y);
  } else {
    const threads = THREADS * Math.ceil(rows / product) * Math.ceil(outChannels / product);
    gpu.run(tiledShader(product, width, format), [sums, weights], uniforms, threads, y);
  }
}
