import { ringConvKernels } from "@gmr-conv/tfjs";
import { convolutions } from "../conv/convolve.ts";
import { node } from "../state.ts";

// Only symmetric positions: the gradients take S_lᵀ for S_l.
export const convolutionKernels = ringConvKernels(node, convolutions, false);
