// From the plan of an op to the attributes of the kernels.

import type { RingConvAttrs } from "./kernels/ringConv.ts";
import type { ConvPlan } from "./options.ts";

/** The convolution whose adjoint a transposed convolution is. */
export function adjoint(plan: ConvPlan): ConvPlan {
  const { inputSize, outputSize } = plan.geometry;
  return {
    ...plan,
    geometry: { ...plan.geometry, inputSize: outputSize, outputSize: inputSize, transposed: false },
  };
}

export function kernelAttrs({ partition, geometry }: ConvPlan): RingConvAttrs {
  return {
    kernelSize: [...partition.kernelSize],
    ringIndex: Array.from(partition.index),
    numRings: partition.numRings,
    strides: [...geometry.strides],
    dilations: [...geometry.dilations],
    padBefore: geometry.padding.map(([before]) => before),
    inputSize: [...geometry.inputSize],
    outputSize: [...geometry.outputSize],
  };
}
