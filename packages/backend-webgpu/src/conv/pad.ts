// A source [N, D, H, W, C] copied into a zero-padded one whose channels come in fours: from there on no shader has to
// ask whether a pixel lies inside the image, and all of them load four channels at a time.

import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { makeScratch, run, type Shader, type Width } from "../program.ts";
import { type Gather, volume } from "./gather.ts";

/** Fours that hold so many channels. */
export const fours = (channels: number): number => Math.ceil(channels / 4);

export const AXES = ["D", "H", "W"] as const;
export type Axis = (typeof AXES)[number];

/**
 * WGSL: takes one axis of `size` off the number `rest`, and finds `from`, the source pixel at `place` of the padded source
 * along that axis; `inside` becomes false where there is none.
 */
export const sourceCoordinate = (axis: Axis, place: string, size: string): string => `
    let at${axis} = ${place} - uniforms.offset${axis};
    rest = rest / ${size};
    let from${axis} = at${axis} / uniforms.step${axis};
    if (at${axis} < 0 || at${axis} % uniforms.step${axis} != 0 || from${axis} >= uniforms.in${axis}) {
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
    uniforms: [
      "total",
      "first",
      "channels",
      "fours",
      ...AXES.flatMap((axis) => [`in${axis}`, `padded${axis}`, `offset${axis}`, `step${axis}`]),
    ],
    code: `
      fn main(index : i32) {
        if (index >= uniforms.total) { return; }
        let c = index % uniforms.fours;
        var rest = index / uniforms.fours;
        var inside = true;
        ${(["W", "H", "D"] as const).map(coordinate).join("")}
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

/** A tensor for reading, and what frees it if it was made for that. */
export interface Source {
  tensor: tf.TensorInfo;
  release: () => void;
}

type PadGeometry = Pick<Gather, "images" | "inSize" | "inChannels" | "paddedSize" | "offset" | "step">;

/** Whether the padded source is x itself. */
export function isPadded({ inSize, inChannels, paddedSize, offset, step }: PadGeometry): boolean {
  const same = [0, 1, 2].every((a) => inSize[a] === paddedSize[a] && offset[a] === 0 && step[a] === 1);
  return same && inChannels % 4 === 0;
}

/** The padded source of `gather.images` images of x from image `first` on, [N, ...paddedSize, 4 · fours]. */
export function padSource(backend: WebGPUBackend, gather: PadGeometry, x: tf.TensorInfo, first = 0): Source {
  if (isPadded(gather)) return { tensor: x, release: () => {} };
  const { images, inSize, inChannels, paddedSize, offset, step } = gather;
  const aligned = inChannels % 4 === 0;
  const total = images * volume(paddedSize) * fours(inChannels);
  const tensor = makeScratch(backend, 4 * total);
  const uniforms: Record<string, number> = {
    total,
    first,
    channels: inChannels,
    fours: fours(inChannels),
  };
  AXES.forEach((axis, a) => {
    uniforms[`in${axis}`] = inSize[a];
    uniforms[`padded${axis}`] = paddedSize[a];
    uniforms[`offset${axis}`] = offset[a];
    uniforms[`step${axis}`] = step[a];
  });
  run(backend, SHADERS[aligned ? 4 : 1], [x], uniforms, total, tensor);
  return { tensor, release: () => void backend.disposeData(tensor.dataId) };
}

/** Rows [rows, channels] with their channels in fours. */
export function padChannels(
  backend: WebGPUBackend,
  rows: number,
  channels: number,
  x: tf.TensorInfo,
): Source {
  const size = [1, 1, rows] as const;
  const places = { inSize: size, paddedSize: size, offset: [0, 0, 0], step: [1, 1, 1] } as const;
  return padSource(backend, { images: 1, inChannels: channels, ...places }, x);
}
