// Averages over large windows: the stock kernels add the numbers of a window one by one, and rounding errors grow with
// every step. Here they are added in parts, and parts of parts.

import {
  type KernelOverride,
  type Pool2DKernelAttrs,
  type Pool3DKernelAttrs,
  type PoolShape,
  pool2DShape,
  pool3DShape,
  type Size3,
  volume,
} from "@gmr-conv/tfjs";
import * as tf from "@tensorflow/tfjs";
import { webGpu } from "../attach.ts";
import { elements, type Gpu } from "../gpu.ts";
import { axisNames, axisValues, type Shader } from "../shader.ts";
import { sumAxis } from "../sumAxis.ts";

/** Positions of a window up to which the stock kernel is used. */
const SMALL_WINDOW = 64;
/** Numbers are added 16 at a time, their sums 16 at a time, and so on. */
const PARTS = [4096, 256, 16];

/** WGSL: `total` += what `body` adds to `sum` for each `variable` from `from` to `to`, in parts of parts. */
function inParts(
  variable: string,
  [from, to]: readonly [string, string],
  total: string,
  body: (sum: string) => string,
  parts: readonly number[] = PARTS,
): string {
  if (parts.length === 0) {
    return `for (var ${variable} = ${from}; ${variable} < ${to}; ${variable}++) { ${body(total)} }`;
  }
  const [part, ...smaller] = parts;
  const [begin, sum] = [`${variable}${part}`, `${total}${part}`];
  const inner = inParts(variable, [begin, `min(${begin} + ${part}, ${to})`], sum, body, smaller);
  return `for (var ${begin} = ${from}; ${begin} < ${to}; ${begin} += ${part}) {
    var ${sum} = 0.0; ${inner} ${total} += ${sum}; }`;
}

const AVERAGE: Shader = {
  name: "average-pool",
  inputs: { x: 1 },
  output: 1,
  uniforms: ["total", "channels", ...axisNames("in", "out", "filter", "stride", "before")],
  code: `
    fn main(index : i32) {
      if (index >= uniforms.total) { return; }
      let c = index % uniforms.channels;
      let pixel = index / uniforms.channels;
      let x0 = pixel % uniforms.outW * uniforms.strideW - uniforms.beforeW;
      let y0 = pixel / uniforms.outW % uniforms.outH * uniforms.strideH - uniforms.beforeH;
      let plane = pixel / uniforms.outW / uniforms.outH;
      let z0 = plane % uniforms.outD * uniforms.strideD - uniforms.beforeD;
      let image = plane / uniforms.outD;
      let left = max(0, x0);
      let right = min(uniforms.inW, x0 + uniforms.filterW);
      let top = max(0, y0);
      let bottom = min(uniforms.inH, y0 + uniforms.filterH);
      let front = max(0, z0);
      let back = min(uniforms.inD, z0 + uniforms.filterD);
      var sum = 0.0;
      for (var z = front; z < back; z++) {
        var slice = 0.0;
        ${inParts(
          "y",
          ["top", "bottom"],
          "slice",
          (slice) => `
          var row = 0.0;
          let start = ((image * uniforms.inD + z) * uniforms.inH + y) * uniforms.inW;
          ${inParts("q", ["left", "right"], "row", (row) => `${row} += x[(start + q) * uniforms.channels + c];`)}
          ${slice} += row;`,
        )}
        sum += slice;
      }
      result[index] = sum / f32((back - front) * (bottom - top) * (right - left));
    }`,
};

function average(gpu: Gpu, x: tf.TensorInfo, shape: PoolShape, yShape: number[]): tf.TensorInfo {
  const { images, channels, inSize, outSize, filter, strides, padBefore } = shape;
  if (volume(outSize) === 1 && filter.join() === inSize.join()) {
    const length = volume(inSize);
    const means = sumAxis(gpu, x, { outer: images, length, inner: channels }, 1 / length);
    return { ...means, shape: yShape };
  }
  const y = gpu.tensor(yShape);
  const total = elements(y);
  const sizes = axisValues({ in: inSize, out: outSize, filter, stride: strides, before: padBefore });
  gpu.run(AVERAGE, [x], { total, channels, ...sizes }, total, y);
  return y;
}

const pool = <Attrs>(
  kernelName: string,
  shapeOf: (inShape: readonly number[], attrs: Attrs) => PoolShape,
  axes: (sizes: Size3) => readonly number[],
): KernelOverride =>
  webGpu.override<{ x: tf.TensorInfo }, Attrs>(kernelName, ({ x }, attrs, gpu, stock) => {
    const shape = shapeOf(x.shape, attrs);
    if (volume(shape.filter) <= SMALL_WINDOW || elements(x) === 0) return stock();
    return average(gpu, x, shape, [shape.images, ...axes(shape.outSize), shape.channels]);
  });

export const poolingKernels = [
  pool<Pool2DKernelAttrs>(tf.AvgPool, pool2DShape, ([, height, width]) => [height, width]),
  pool<Pool3DKernelAttrs>(tf.AvgPool3D, pool3DShape, (sizes) => sizes),
];
