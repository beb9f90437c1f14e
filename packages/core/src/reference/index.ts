// Reference convolutions in float64, which fast implementations are tested against.

export {
  type ReferenceConvOptions,
  type ReferenceGradients,
  type ReferenceOutput,
  referenceConv,
  referenceConvGrad,
} from "./reference.ts";
export {
  type GmrParameters,
  gmrKernel,
  type ReferenceGmrGradients,
  type ReferenceGmrOptions,
  referenceGmrConv,
  referenceGmrConvGrad,
} from "./referenceGmr.ts";
