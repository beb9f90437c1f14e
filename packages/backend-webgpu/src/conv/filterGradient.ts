// The gradient of the weights, Sᵀ · dy: a product whose sums run over all pixels. These are cut into chunks, whose
// partial products [chunks, groups, K, N] are then added in order.

import type * as tf from "@tensorflow/tfjs";
import { elements, type Gpu } from "../gpu.ts";
import { list, type Shader } from "../shader.ts";
import { LOAD_SUM, SUM_ELEMENT, type SumFormat } from "./sumFormat.ts";
import { accumulators, SIDE, shareOf, THREAD, THREADS, type TileSide } from "./tile.ts";

/** Fours of rows and of columns of a thread that works alone. */
const TILE = 2;

const partialShader = (format: SumFormat): Shader => ({
  name: `filter-partial-${format}`,
  inputs: { sums: SUM_ELEMENT[format], dy: 4 },
  output: 4,
  uniforms: ["total", "rows", "depth", "inFours", "groups", "fours", "first", "chunkRows"],
  code: `
    ${LOAD_SUM[format]}
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let fours = uniforms.fours;
      let depth = uniforms.depth;
      let columnTiles = (fours + ${TILE - 1}) / ${TILE};
      let rowTiles = (depth + ${TILE - 1}) / ${TILE};
      let column = index % columnTiles * ${TILE};
      let k = index / columnTiles % rowTiles * ${TILE};
      let groups = uniforms.groups;
      let part = index / columnTiles / rowTiles;
      let group = part % groups;
      let chunk = part / groups;
      let run = uniforms.inFours;
      ${list(
        TILE,
        (i) => `
      let own${i} = min(k + ${i}, depth - 1);
      let a${i} = (own${i} / run * groups + group) * run + own${i} % run;
      let b${i} = group * fours + min(column + ${i}, fours - 1);`,
      )}
      ${list(4 * TILE, (r) => list(TILE, (c) => `var w${r}_${c} = vec4<f32>(0.0);`))}
      let end = min((chunk + 1) * uniforms.chunkRows, uniforms.rows);
      for (var row = chunk * uniforms.chunkRows; row < end; row++) {
        ${list(TILE, (i) => `let s${i} = loadSum(row * depth * groups + a${i});`)}
        ${list(TILE, (c) => `let g${c} = dy[(uniforms.first + row) * groups * fours + b${c}];`)}
        ${list(4 * TILE, (r) => list(TILE, (c) => `w${r}_${c} += s${Math.floor(r / 4)}[${r % 4}] * g${c};`))}
      }
      let at = part * depth * 4;
      ${list(4 * TILE, (r) =>
        list(
          TILE,
          (c) => `if (k + ${Math.floor(r / 4)} < depth && column + ${c} < fours) {
        result[(at + 4 * k + ${r}) * fours + column + ${c}] = w${r}_${c};
      }`,
        ),
      )}
    }`,
});

const PARTIAL: Readonly<Record<SumFormat, Shader>> = {
  f32: partialShader("f32"),
  f16: partialShader("f16"),
};

/** Pixels whose sums and gradients are in workgroup memory at a time. */
const PIXELS = 16;

/** Workgroups share tiles, in which the fours of the sums lie along the rows of the result. */
function tiledPartial(side: TileSide, format: SumFormat): Shader {
  const { rows, columns } = shareOf(side);
  const across = side / 4;
  const place = (count: string, begin: string): string =>
    `row * ${count} + min(${begin} + i % ${across}, ${count} - 1)`;
  return {
    name: `filter-partial-tiled-${side}-${format}`,
    inputs: { sums: SUM_ELEMENT[format], dy: 4 },
    output: 4,
    uniforms: ["rows", "depth", "fours", "first", "chunkRows", "chunks"],
    workgroup: THREADS,
    get code() {
      return `
      var<workgroup> left : array<vec4<f32>, ${PIXELS * across}>;
      var<workgroup> right : array<vec4<f32>, ${PIXELS * across}>;

      ${LOAD_SUM[format]}
      fn main(index : i32) {
        ${THREAD}
        let fours = uniforms.fours;
        let depth = uniforms.depth;
        let acrossColumns = (fours + ${across - 1}) / ${across};
        let acrossRows = (depth + ${across - 1}) / ${across};
        let column = group % acrossColumns * ${across};
        let k = group / acrossColumns % acrossRows * ${across};
        let chunk = group / acrossColumns / acrossRows;
        let end = min((chunk + 1) * uniforms.chunkRows, uniforms.rows);
        ${accumulators(side)}
        // Every workgroup takes the same number of steps: all threads must reach the barriers.
        for (var step = 0; step < uniforms.chunkRows; step += ${PIXELS}) {
          let begin = chunk * uniforms.chunkRows + step;
          for (var i = thread; i < ${PIXELS * across}; i += ${THREADS}) {
            var row = min(begin + i / ${across}, uniforms.rows - 1);
            left[i] = loadSum(${place("depth", "k")});
            row += uniforms.first;
            right[i] = dy[${place("fours", "column")}];
          }
          workgroupBarrier();
          let count = min(${PIXELS}, end - begin);
          for (var pixel = 0; pixel < count; pixel++) {
            ${list(columns, (i) => `let s${i} = left[pixel * ${across} + threadRow + ${SIDE * i}];`)}
            ${list(columns, (c) => `let g${c} = right[pixel * ${across} + threadColumn + ${SIDE * c}];`)}
            ${list(rows, (r) => list(columns, (c) => `y${r}_${c} += s${Math.floor(r / 4)}[${r % 4}] * g${c};`))}
          }
          workgroupBarrier();
        }
        ${list(rows, (r) =>
          list(
            columns,
            (c) => `{
          let rowFour = k + threadRow + ${SIDE * Math.floor(r / 4)};
          let columnFour = column + threadColumn + ${SIDE * c};
          if (chunk < uniforms.chunks && rowFour < depth && columnFour < fours) {
            result[((chunk * depth + rowFour) * 4 + ${r % 4}) * fours + columnFour] = y${r}_${c};
          }
        }`,
          ),
        )}
      }`;
    },
  };
}

const REDUCE: Shader = {
  name: "filter-reduce",
  inputs: { parts: 1, slotOf: 1 },
  output: 1,
  uniforms: [
    ...["total", "chunks", "accumulate", "groups"],
    ...["inChannels", "outChannels", "inPadded", "outPadded", "slots"],
  ],
  code: `
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let column = index % uniforms.outChannels;
      let group = index / uniforms.outChannels % uniforms.groups;
      let row = index / uniforms.outChannels / uniforms.groups;
      let slot = slotOf[row / uniforms.inChannels];
      var sum = 0.0;
      if (slot >= 0) {
        let size = uniforms.groups * uniforms.slots * uniforms.inPadded * uniforms.outPadded;
        let at = ((group * uniforms.slots + slot) * uniforms.inPadded + row % uniforms.inChannels) * uniforms.outPadded + column;
        for (var chunk = 0; chunk < uniforms.chunks; chunk++) { sum += parts[chunk * size + at]; }
      }
      if (uniforms.accumulate == 1) { sum += result[index]; }
      result[index] = sum;
    }`,
};

/** Threads or workgroups that keep a device busy, and the fewest pixels that are worth a chunk of their own. */
const BUSY = { threads: 4096, workgroups: 512 };
const MIN_CHUNK_ROWS = { threads: 32, workgroups: 64 };

/** How the product is cut. */
export interface Cut {
  /** Of the tiles of workgroups; undefined: threads work alone. */
  side: TileSide | undefined;
  /** Rows and columns of the result of one group, in fours, and the input channels among the former. */
  depth: number;
  fours: number;
  inFours: number;
  /** Groups; 1 with `side`. */
  groups: number;
}

/** Tiles of the whole result. */
function tileCount({ side, depth, fours, groups }: Cut): number {
  const tile = side ? side / 4 : TILE;
  return groups * Math.ceil(depth / tile) * Math.ceil(fours / tile);
}

/** Pixels of a chunk where the sums of `rows` pixels are made at a time. */
export function chunkRows(cut: Cut, rows: number): number {
  const unit = cut.side ? "workgroups" : "threads";
  const wanted = Math.ceil(BUSY[unit] / tileCount(cut));
  return Math.ceil(rows / Math.max(1, Math.min(wanted, Math.ceil(rows / MIN_CHUNK_ROWS[unit]))));
}

/** Partial products of the pixels `first` to `first + rows - 1`. */
export function partialProducts(
  gpu: Gpu,
  cut: Cut,
  sums: tf.TensorInfo,
  dy: tf.TensorInfo,
  partial: tf.TensorInfo,
  size: { first: number; rows: number; chunkRows: number; chunks: number },
): void {
  const { side, ...sizes } = cut;
  const total = size.chunks * tileCount(cut);
  const shader = side ? tiledPartial(side, gpu.sumFormat) : PARTIAL[gpu.sumFormat];
  gpu.run(shader, [sums, dy], { ...size, ...sizes, total }, side ? THREADS * total : total, partial);
}

/**
 * The sum of the chunks as dW [L, Cin, groups · Cout], with the channels of one group, zero where a matrix has no slot; added to what is there if
 * `accumulate`.
 */
export function addChunks(
  gpu: Gpu,
  partial: tf.TensorInfo,
  slotOf: tf.TensorInfo,
  dw: tf.TensorInfo,
  size: Record<
    "chunks" | "groups" | "inChannels" | "outChannels" | "inPadded" | "outPadded" | "slots",
    number
  >,
  accumulate: boolean,
): void {
  const total = elements(dw);
  const uniforms = { ...size, total, accumulate: Number(accumulate) };
  gpu.run(REDUCE, [partial, slotOf], uniforms, total, dw);
}
