// Convolutions, ring and dense. The stock backend lacks Conv2DBackpropFilter, so no dense network trains on it; its
// Conv2DBackpropInput and Conv3D do one multiplication at a time; its gradients of conv3d are wrong (they accumulate
// into uninitialised memory).

import { denseConvKernels, depthwiseRingKernels, ringConvKernels } from "@gmr-conv/tfjs";
import { convolutions } from "../conv/convolve.ts";
import { depthwiseConvolutions } from "../conv/depthwise.ts";
import { wasm } from "../state.ts";

export const convolutionKernels = [
  ...ringConvKernels(wasm, convolutions),
  ...depthwiseRingKernels(wasm, depthwiseConvolutions),
  ...denseConvKernels(wasm, convolutions),
];
