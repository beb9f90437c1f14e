// WGSL shaders that the stock WebGPU backend can run, and what their texts are made of.
//
// Shaders see every tensor as a flat array and take all sizes as uniforms, so that one pipeline serves every shape.
// They define `fn main(index : i32)`, where `index` numbers the threads.

import type { Size3 } from "@gmr-conv/tfjs";

/** An element of a buffer: a number, or four of them. */
export type Width = 1 | 4;

/** `half4`: four 16-bit numbers in two words, in a tensor of int32. */
export type Format = Width | "half4";

export interface Shader {
  /** Unique among shaders: the key of its pipeline. */
  readonly name: string;
  /** Names of the input arrays with the format of their elements. */
  readonly inputs: Readonly<Record<string, Format>>;
  /** Format of the elements of the output, `result`. */
  readonly output: Format;
  /** Names of the uniforms, found in `uniforms`: f32 if the name starts with `f` and a capital, otherwise i32. */
  readonly uniforms: readonly string[];
  /** Threads per workgroup; default {@link WORKGROUP}. */
  readonly workgroup?: number;
  /** Features that the code uses; the device must have them. */
  readonly enable?: readonly GPUFeatureName[];
  /** WGSL: `fn main(index : i32)` and what it needs. Read only when the pipeline is made. */
  readonly code: string;
}

/** Threads per workgroup where they do not cooperate. Every adapter allows that many. */
export const WORKGROUP = 64;

/** One line for each of `count` numbers. */
export const list = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");

/** Groups of four that hold so many channels. */
export const fours = (channels: number): number => Math.ceil(channels / 4);

export const AXES = ["D", "H", "W"] as const;
export type Axis = (typeof AXES)[number];

/** The order in which an index is taken apart. */
export const INNERMOST_FIRST = ["W", "H", "D"] as const;

/** Names of uniforms that have a value for each axis: `in` stands for `inD`, `inH` and `inW`. */
export const axisNames = (...names: readonly string[]): string[] =>
  names.flatMap((name) => AXES.map((axis) => `${name}${axis}`));

/** The values of such uniforms. */
export const axisValues = (sizes: Readonly<Record<string, Size3>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(sizes).flatMap(([name, size]) => AXES.map((axis, i) => [`${name}${axis}`, size[i]])),
  );
