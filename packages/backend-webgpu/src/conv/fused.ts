// Sums and product in one pass. A workgroup loads the patch of the source that the taps of its output pixels reach into
// workgroup memory, zeros around the image included, a few channels at a time, and makes the sums of its pixels from it
// there. Nothing but the result is written to a buffer.

import type * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { run, type Shader, shaderOf, type Width } from "../program.ts";
import type { Gather } from "./gather.ts";
import { storeFour } from "./multiply.ts";
import { AXES, fours, loadPixel, sourceCoordinate } from "./pad.ts";
import type { Patch } from "./patch.ts";
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

const AXIS_UNIFORMS = ["in", "out", "stride", "step", "offset", "tile", "patch"] as const;

/** WGSL: the place of tile pixel `pixel` along each axis. */
const placeInTile = (name: string, pixel: string): string => `
  let ${name}W = ${pixel} % uniforms.tileW;
  let ${name}H = ${pixel} / uniforms.tileW % uniforms.tileH;
  let ${name}D = ${pixel} / uniforms.tileW / uniforms.tileH;`;

function fusedShader(side: 32 | 64, read: Width, write: Width, capacity: number): Shader {
  const { rows, perThread, fours: columns } = tileOf(side);
  const across = side / 4;
  return shaderOf(`fused-${side}-${read}-${write}-${capacity}`, () => ({
    inputs: { x: read, weights: 4, taps: 1 },
    output: write,
    uniforms: [
      ...["images", "inChannels", "inFours", "channels", "fours", "slots", "depth"],
      ...AXES.flatMap((axis) => AXIS_UNIFORMS.map((name) => `${name}${axis}`)),
    ],
    workgroup: THREADS,
    code: `
      ${productTiles(side)}
      var<workgroup> source : array<vec4<f32>, ${capacity}>;

      fn main(index : i32) {
        ${THREAD}
        let fours = uniforms.fours;
        let slots = uniforms.slots;
        let across = (fours + ${across - 1}) / ${across};
        let column = group % across * ${across};
        var rest = group / across;
        ${["W", "H", "D"]
          .map(
            (axis) => `
        let tiles${axis} = (uniforms.out${axis} + uniforms.tile${axis} - 1) / uniforms.tile${axis};
        let first${axis} = rest % tiles${axis} * uniforms.tile${axis};
        rest = rest / tiles${axis};`,
          )
          .join("")}
        let image = rest;
        ${placeInTile("own", `(thread % ${rows})`)}
        let ownTap = (ownD * uniforms.strideD * uniforms.patchH + ownH * uniforms.strideH) * uniforms.patchW
          + ownW * uniforms.strideW;
        let patchSize = uniforms.patchD * uniforms.patchH * uniforms.patchW;
        ${accumulators(side)}
        for (var begin = 0; begin < uniforms.inFours; begin += uniforms.depth) {
          let depth = min(uniforms.depth, uniforms.inFours - begin);
          for (var i = thread; i < patchSize * depth; i += ${THREADS}) {
            let c = begin + i % depth;
            var rest = i / depth;
            var inside = image < uniforms.images;
            ${(["W", "H", "D"] as const)
              .map((axis) =>
                sourceCoordinate(
                  axis,
                  `first${axis} * uniforms.stride${axis} + rest % uniforms.patch${axis}`,
                  `uniforms.patch${axis}`,
                ),
              )
              .join("")}
            var value = vec4<f32>(0.0);
            if (inside) {
              let pixel = ((image * uniforms.inD + fromD) * uniforms.inH + fromH) * uniforms.inW + fromW;
              value = ${loadPixel(read, "uniforms.inFours", "uniforms.inChannels")};
            }
            source[i] = value;
          }
          workgroupBarrier();
          // A unit is a slot of one four of channels.
          let units = slots * depth;
          for (var unit = 0; unit < units; unit += ${STEP}) {
            let count = min(${STEP}, units - unit);
            for (var i = thread; i < ${rows} * count; i += ${THREADS}) {
              let k = i / ${rows};
              let slot = (unit + k) % slots;
              let at = ownTap * depth + (unit + k) / slots;
              var sum = vec4<f32>(0.0);
              let end = taps[slot + 1];
              for (var tap = taps[slot]; tap < end; tap++) { sum += source[at + taps[tap] * depth]; }
              left[thread % ${rows} * ${PITCH} + k] = sum;
            }
            for (var i = thread; i < ${4 * across} * count; i += ${THREADS}) {
              let k = i / ${across};
              let own = unit + k / 4;
              let row = 4 * (own % slots * uniforms.inFours + begin + own / slots) + k % 4;
              right[i] = weights[row * fours + min(column + i % ${across}, fours - 1)];
            }
            workgroupBarrier();
            ${addProduct(side)}
            workgroupBarrier();
          }
        }
        ${list(
          perThread,
          (r) => `{
          ${placeInTile("at", `(threadRow + ${SIDE * r})`)}
          let d = firstD + atD;
          let h = firstH + atH;
          let w = firstW + atW;
          if (image < uniforms.images && d < uniforms.outD && h < uniforms.outH && w < uniforms.outW) {
            let row = ((image * uniforms.outD + d) * uniforms.outH + h) * uniforms.outW + w;
            ${list(
              columns,
              (c) => `if (column + threadColumn + ${SIDE * c} < fours) {
              ${storeFour(write, "row", `column + threadColumn + ${SIDE * c}`, `y${r}_${c}`)}
            }`,
            )}
          }
        }`,
        )}
      }`,
  }));
}

/**
 * y [N, ...out, outChannels] from a source that is not padded.
 * @param taps table of the taps in a patch
 */
export function fused(
  backend: WebGPUBackend,
  gather: Gather,
  patch: Patch,
  side: 32 | 64,
  x: tf.TensorInfo,
  weights: tf.TensorInfo,
  taps: tf.TensorInfo,
  y: tf.TensorInfo,
): void {
  const { images, inSize, inChannels, outSize, outChannels, strides, step, offset, slots } = gather;
  const { tile, size, depth, capacity } = patch;
  const uniforms: Record<string, number> = {
    ...{ images, inChannels, depth, channels: outChannels, slots: slots.length },
    inFours: fours(inChannels),
    fours: fours(outChannels),
  };
  const sizes = { in: inSize, out: outSize, stride: strides, step, offset, tile, patch: size };
  let workgroups = images * Math.ceil(outChannels / side);
  AXES.forEach((axis, a) => {
    for (const name of AXIS_UNIFORMS) uniforms[`${name}${axis}`] = sizes[name][a];
    workgroups *= Math.ceil(outSize[a] / tile[a]);
  });
  const width = (channels: number): Width => (channels % 4 === 0 ? 4 : 1);
  const shader = fusedShader(side, width(inChannels), width(outChannels), capacity);
  run(backend, shader, [x, weights, taps], uniforms, THREADS * workgroups, y);
}
