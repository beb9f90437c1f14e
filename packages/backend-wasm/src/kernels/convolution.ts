// Convolutions, of rings and dense. The stock backend has no Conv2DBackpropFilter, so that no dense network trains on it; its
// Conv2DBackpropInput and Conv3D do one multiplication at a time; its gradients of conv3d are wrong (they add to memory
// that they do not clear).

import { denseConvKernels, ringConvKernels } from "@gmr-conv/tfjs";
import { convolutions } from "../conv/convolve.ts";
import { wasm } from "../state.ts";

export const convolutionKernels = [
  ...ringConvKernels(wasm, convolutions),
  ...denseConvKernels(wasm, convolutions),
];
