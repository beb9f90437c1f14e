// Convolutions, of rings and dense. The stock kernels of conv3d and of the gradients do one multiplication at a time.
// That of conv2d is good on GPUs, but works in workgroup memory, which is slow on software adapters.

import { denseConvKernels, groupedRingKernels, ringConvKernels } from "@gmr-conv/tfjs";
import { webGpu } from "../attach.ts";
import { convolutions } from "../conv/convolve.ts";

export const convolutionKernels = [
  ...ringConvKernels(webGpu, convolutions),
  ...groupedRingKernels(webGpu, convolutions),
  ...denseConvKernels(webGpu, convolutions, { conv2d: (gpu) => gpu.adapter.software }),
];
