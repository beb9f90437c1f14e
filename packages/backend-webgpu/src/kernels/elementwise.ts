// Adding and rectifying in one launch.

import { AddRelu, ReluGrad } from "@gmr-conv/tfjs";
import { webGpu } from "../attach.ts";
import { pointwise } from "../pointwise.ts";

// Not max: that would hide NaN.
const addRelu = pointwise("add-relu", ["a", "b"], [], "select(a[i] + b[i], 0.0, a[i] + b[i] < 0.0)");

const reluGradient = pointwise("relu-gradient", ["dy", "y"], [], "select(0.0, dy[i], y[i] > 0.0)");

export const elementwiseKernels = [
  webGpu.kernel(AddRelu, ({ a, b }, _attrs, gpu) => addRelu(gpu, [a, b])),
  webGpu.kernel(ReluGrad, ({ dy, y }, _attrs, gpu) => reluGradient(gpu, [dy, y])),
];
