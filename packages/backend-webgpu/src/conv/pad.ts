// A source [N, D, H, W, C] copied into a zero-padded one whose channels come in fours: from there on no shader has to
// ask whether a pixel lies inside the image, and all of them load four channels at a time.

import { type Gather, volume } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { Gpu } from "../gpu.ts";
import {
  type Axis,
  axisNames,
  axisValues,
  fours,
  INNERMOST_FIRST,
  type Shader,
  type Width,
} from "../shader.ts";

/**
 * WGSL: takes one axis of `size` off the number `rest`, and finds `from`, the source pixel at `place` of the padded
 * source along that axis; `inside` becomes false where there is none.
 */
export const sourceCoordinate = (axis: Axis, place: string, size: string): string => `
    let at${axis} = ${place} - uniforms.before${axis};
    rest = rest / ${size};
    let from${axis} = at${axis} / uniforms.spread${axis};
    if (at${axis} < 0 || at${axis} % uniforms.spread${axis} != 0 || from${axis} >= uniforms.in${axis}) {
      inside = false;
    }`;

/** WGSL: the channels 4c to 4c + 3 of source pixel `pixel`, zero beyond the last one. */
export function loadPixel(width: Width, fours: string, channels: string): string {
  if (width === 4) return `x[pixel * ${fours} + c]`;
  const next = (i: number): string =>
    `select(0.0, x[pixel * ${channels} + min(4 * c + ${i}, ${channels} - 1)], 4 * c + ${i} < ${channels})`;
  return `vec4<f32>(x[pixel * ${channels} + 4 * c], ${next(1)}, ${next(2)}, ${next(3)})`;
}

function padShader(width: Width): Shader {
  const coordinate = (axis: Axis): string =>
    sourceCoordinate(axis, `rest % uniforms.padded${axis}`, `uniforms.padded${axis}`);
  return {
    name: `pad-${width}`,
    inputs: { x: width },
    output: 4,
    uniforms: ["total", "first", "channels", "fours", ...axisNames("in", "padded", "before", "spread")],
    code: `
      fn main(index : i32) {
        if (index >= uniforms.total) { return; }
        let c = index % uniforms.fours;
        var rest = index / uniforms.fours;
        var inside = true;
        ${INNERMOST_FIRST.map(coordinate).join("")}
        if (!inside) {
          result[index] = vec4<f32>(0.0);
          return;
        }
        let pixel = (((uniforms.first + rest) * uniforms.inD + fromD) * uniforms.inH + fromH) * uniforms.inW + fromW;
        result[index] = ${loadPixel(width, "uniforms.fours", "uniforms.channels")};
      }`,
  };
}

const SHADERS: Record<Width, Shader> = { 1: padShader(1), 4: padShader(4) };

/** A tensor to read from; if it was made for that, `release` frees it. */
export interface Source {
  tensor: tf.TensorInfo;
  release: () => void;
}

/** A tensor that stays. */
export const kept = (tensor: tf.TensorInfo): Source => ({ tensor, release: () => {} });

/** A tensor that was made for reading. */
export const made = (gpu: Gpu, tensor: tf.TensorInfo): Source => ({
  tensor,
  release: () => gpu.dispose(tensor),
});

type Padding = Pick<Gather, "images" | "inSize" | "inChannels" | "paddedSize" | "padBefore" | "spread">;

/** Whether the padded source is x itself. */
export function isPadded({ inSize, inChannels, paddedSize, padBefore, spread }: Padding): boolean {
  const same = [0, 1, 2].every((a) => inSize[a] === paddedSize[a] && padBefore[a] === 0 && spread[a] === 1);
  return same && inChannels % 4 === 0;
}

/** The padded source of `images` images of x from image `first` on, [N, ...paddedSize, 4 · fours]. */
export function padSource(gpu: Gpu, padding: Padding, x: tf.TensorInfo, first = 0): Source {
  if (isPadded(padding)) return kept(x);
  const { images, inSize, inChannels: channels, paddedSize, padBefore, spread } = padding;
  const total = images * volume(paddedSize) * fours(channels);
  const tensor = gpu.scratch(4 * total);
  const uniforms = {
    ...{ total, first, channels, fours: fours(channels) },
    ...axisValues({ in: inSize, padded: paddedSize, before: padBefore, spread }),
  };
  gpu.run(SHADERS[channels % 4 === 0 ? 4 : 1], [x], uniforms, total, tensor);
  return made(gpu, tensor);
}

/** Rows [rows, channels] with their channels in fours. */
export function padChannels(gpu: Gpu, rows: number, channels: number, x: tf.TensorInfo): Source {
  const size = [1, 1, rows] as const;
  const places = { inSize: size, paddedSize: size, padBefore: [0, 0, 0], spread: [1, 1, 1] } as const;
  return padSource(gpu, { images: 1, inChannels: channels, ...places }, x);
}
