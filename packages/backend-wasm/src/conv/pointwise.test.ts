import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Kernels } from "../generated/kernels.ts";
import { KERNELS } from "../generated/plainKernels.ts";
import { Activation, MatrixBlock } from "../layouts.ts";
import { matrixScratch } from "./pointwise.ts";

const memory = new WebAssembly.Memory({ initial: 64 });
const module = new WebAssembly.Module(Uint8Array.from(atob(KERNELS), (c) => c.charCodeAt(0)));
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
const { matrixProduct } = exports as object as Kernels;

const GUARD = 256;
/** Of the guards; as a float it is 1.5e16, and so it shows if a kernel reads beyond its inputs. */
const PATTERN = 0x5a;

interface Problem {
  rows: number;
  columns: number;
  depth: number;
  aDeep: boolean;
  bDeep: boolean;
  bias: boolean;
  activation: Activation;
  /** Where the result is cut, as between threads. */
  cuts: [number, number];
}

/** Mostly small sizes, and ones around those of a block. */
const size = (block: number) =>
  fc.oneof(
    { arbitrary: fc.integer({ min: 1, max: 40 }), weight: 4 },
    { arbitrary: fc.integer({ min: block - 5, max: block + 9 }), weight: 1 },
  );

const arbitrary: fc.Arbitrary<Problem> = fc.record({
  rows: size(MatrixBlock.Rows),
  columns: size(MatrixBlock.Columns),
  depth: size(MatrixBlock.Depth),
  aDeep: fc.boolean(),
  bDeep: fc.boolean(),
  bias: fc.boolean(),
  activation: fc.constantFrom(Activation.None, Activation.Relu, Activation.Relu6, Activation.LeakyRelu),
  cuts: fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 20 })),
});

const SLOPE = 0.25;
const ACTIVATE: Record<Activation, (y: number) => number> = {
  [Activation.None]: (y) => y,
  [Activation.Relu]: (y) => Math.max(0, y),
  [Activation.Relu6]: (y) => Math.min(6, Math.max(0, y)),
  [Activation.LeakyRelu]: (y) => (y < 0 ? SLOPE * y : y),
};

/** Small multiples of 1/8: their products and sums are exact. */
const value = (i: number, seed: number): number => (((i * 7919 + seed * 104729) % 33) - 16) / 8;

function check({ rows, columns, depth, aDeep, bDeep, bias, activation, cuts }: Problem): void {
  const guards: [number, number][] = [[0, GUARD]];
  let end = GUARD;
  const place = (bytes: number): number => {
    const at = end;
    end = Math.ceil((at + bytes + GUARD) / 64) * 64;
    guards.push([at + bytes, end]);
    return at;
  };
  const at = { a: place(4 * rows * depth), b: place(4 * depth * columns), c: place(4 * rows * columns) };
  const biasAt = place(4 * columns);
  const scratch = place(matrixScratch(rows, columns, depth));
  const bytes = new Uint8Array(memory.buffer, 0, end).fill(PATTERN);
  const floats = new Float32Array(memory.buffer);
  for (let i = 0; i < rows * depth; i++) floats[at.a / 4 + i] = value(i, 1);
  for (let i = 0; i < depth * columns; i++) floats[at.b / 4 + i] = value(i, 2);
  for (let i = 0; i < columns; i++) floats[biasAt / 4 + i] = value(i, 3);
  const [row, column] = [Math.min(rows, 4 * cuts[0]), Math.min(columns, 8 * cuts[1])];
  const [aStride, bStride] = [4 * (aDeep ? rows : depth), 4 * (bDeep ? columns : depth)];
  for (const [m, endM] of [[0, row] as const, [row, rows] as const]) {
    for (const [n, endN] of [[0, column] as const, [column, columns] as const]) {
      matrixProduct(
        ...([at.a + m * (aDeep ? 4 : aStride), aStride, Number(aDeep)] as const),
        ...([at.b + n * (bDeep ? 4 : bStride), bStride, Number(bDeep)] as const),
        ...([at.c + 4 * (m * columns + n), 4 * columns, endM - m, endN - n, depth, scratch] as const),
        ...([bias ? biasAt + 4 * n : 0, activation, SLOPE] as const),
      );
    }
  }
  expect(guards.filter(([from, to]) => bytes.subarray(from, to).some((byte) => byte !== PATTERN))).toEqual(
    [],
  );
  const expected = new Float32Array(rows * columns);
  for (let m = 0; m < rows; m++) {
    for (let n = 0; n < columns; n++) {
      let sum = bias ? value(n, 3) : 0;
      for (let d = 0; d < depth; d++) {
        const a = aDeep ? d * rows + m : m * depth + d;
        const b = bDeep ? d * columns + n : n * depth + d;
        sum += value(a, 1) * value(b, 2);
      }
      expected[m * columns + n] = ACTIVATE[activation](sum);
    }
  }
  const wrong = expected.findIndex((y, i) => y !== floats[at.c / 4 + i]);
  expect(wrong, `${floats[at.c / 4 + wrong]} at ${wrong}, not ${expected[wrong]}`).toBe(-1);
}

describe("matrixProduct", () => {
  it("multiplies in either layout, cut anywhere, and writes only its result and its scratch", () => {
    fc.assert(fc.property(arbitrary, check), { numRuns: 120, seed: 1 });
  });

  it("takes blocks of every side at once", () => {
    const [rows, columns, depth] = [MatrixBlock.Rows + 3, MatrixBlock.Columns + 5, MatrixBlock.Depth + 1];
    for (const deep of [false, true]) {
      const layout = { aDeep: deep, bDeep: !deep, bias: true, activation: Activation.Relu };
      check({ rows, columns, depth, ...layout, cuts: [0, 0] });
    }
  });
});
