// Sums and product in one pass. A workgroup loads the patch of the source that the taps of its output pixels reach
// into workgroup memory, a few channels at a time and with the zeros around the image, and makes the sums of its
// pixels there. Nothing but the result is written to a buffer.

import type { Gather } from "@gmr-conv/tfjs";
import type * as tf from "@tensorflow/tfjs";
import type { Gpu } from "../gpu.ts";
import { axisNames, axisValues, fours, INNERMOST_FIRST, list, type Shader, type Width } from "../shader.ts";
import { storeFour } from "./multiply.ts";
import { loadPixel, sourceCoordinate } from "./pad.ts";
import type { PatchPlan } from "./plan.ts";
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

/** WGSL: the place of tile pixel `pixel` along each axis. */
const placeInTile = (name: string, pixel: string): string => `
  let ${name}W = ${pixel} % uniforms.tileW;
  let ${name}H = ${pixel} / uniforms.tileW % uniforms.tileH;
  let ${name}D = ${pixel} / uniforms.tileW / uniforms.tileH;`;

function fusedShader(side: TileSide, read: Width, write: Width, capacity: number): Shader {
  const { rows, columns } = shareOf(side);
  const across = side / 4;
  return {
    name: `fused-${side}-${read}-${write}-${capacity}`,
    inputs: { x: read, weights: 4, taps: 1 },
    output: write,
    uniforms: [
      ...["images", "inChannels", "inFours", "channels", "fours", "slots", "depth"],
      ...axisNames("in", "out", "stride", "spread", "before", "tile", "patch"),
    ],
    workgroup: THREADS,
    get code() {
      return `
      ${productTiles(side)}
      var<workgroup> source : array<vec4<f32>, ${capacity}>;

      fn main(index : i32) {
        ${THREAD}
        let fours = uniforms.fours;
        let slots = uniforms.slots;
        let across = (fours + ${across - 1}) / ${across};
        let column = group % across * ${across};
        var rest = group / across;
        ${INNERMOST_FIRST.map(
          (axis) => `
        let tiles${axis} = (uniforms.out${axis} + uniforms.tile${axis} - 1) / uniforms.tile${axis};
        let first${axis} = rest % tiles${axis} * uniforms.tile${axis};
        rest = rest / tiles${axis};`,
        ).join("")}
        let image = rest;
        ${placeInTile("own", `(thread % ${side})`)}
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
            ${INNERMOST_FIRST.map((axis) =>
              sourceCoordinate(
                axis,
                `first${axis} * uniforms.stride${axis} + rest % uniforms.patch${axis}`,
                `uniforms.patch${axis}`,
              ),
            ).join("")}
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
            for (var i = thread; i < ${side} * count; i += ${THREADS}) {
              let k = i / ${side};
              let slot = (unit + k) % slots;
              let at = ownTap * depth + (unit + k) / slots;
              var sum = vec4<f32>(0.0);
              let end = taps[slot + 1];
              for (var tap = taps[slot]; tap < end; tap++) { sum += source[at + taps[tap] * depth]; }
              left[thread % ${side} * ${PITCH} + k] = sum;
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
          rows,
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
      }`;
    },
  };
}

/** y [N, ...out, outChannels] of a source that is not padded. */
export function fused(
  gpu: Gpu,
  side: TileSide,
  gather: Gather,
  { patch, taps }: PatchPlan,
  x: tf.TensorInfo,
  weights: tf.TensorInfo,
  y: tf.TensorInfo,
): void {
  const { images, inSize, inChannels, outSize, outChannels, strides, spread, padBefore, slots } = gather;
  const { tile, size, depth, capacity } = patch;
  const uniforms = {
    ...{ images, inChannels, depth, channels: outChannels, slots: slots.length },
    ...{ inFours: fours(inChannels), fours: fours(outChannels) },
    ...axisValues({
      in: inSize,
      out: outSize,
      stride: strides,
      spread,
      before: padBefore,
      tile,
      patch: size,
    }),
  };
  const tiles = tile.reduce((count, pixels, axis) => count * Math.ceil(outSize[axis] / pixels), 1);
  const workgroups = images * tiles * Math.ceil(outChannels / side);
  const width = (channels: number): Width => (channels % 4 === 0 ? 4 : 1);
  const shader = fusedShader(side, width(inChannels), width(outChannels), capacity);
  gpu.run(shader, [x, weights, taps], uniforms, THREADS * workgroups, y);
}
