import { ringConvKernels } from "@gmr-conv/tfjs";
import { convolutions } from "../conv/convolve.ts";
import { node } from "../state.ts";

// Symmetric positions only: the gradients use S_l for S_lᵀ.
export const convolutionKernels = ringConvKernels(node, convolutions, false);
